// Modules, functions and launches as the driver shows them, with the limits that it checks before anything runs.
#include <cstring>

#include "counts.h"
#include "device.h"
#include "faults.h"

namespace emu {
namespace {

constexpr int DEFAULT_SHARED = 48 << 10;

// A cubin runs on its own major from its minor on, PTX on everything as new.
bool runs_here(const Module& module)
{
    const int here = device().profile;
    return module.architecture <= here && (module.portable || module.architecture / 10 == here / 10);
}

bool legal_shape(const Function& function, Extent grid, Extent block, std::size_t shared)
{
    constexpr unsigned long long threads = 1024, across = 0x7fffffff, others = 65535, deep = 64;
    const Kernel& kernel = *function.kernel;
    const unsigned long long in_block = 1ull * block.x * block.y * block.z;
    return grid.x > 0 && grid.y > 0 && grid.z > 0 && in_block > 0 && grid.x <= across && grid.y <= others && grid.z <= others &&
           block.x <= threads && block.y <= threads && block.z <= deep && in_block <= threads &&
           in_block <= static_cast<unsigned long long>(kernel.max_threads) && shared <= static_cast<std::size_t>(function.dynamic_shared_limit);
}

}  // namespace
}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuModuleLoadData(CUmodule* loaded, const void* image)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!loaded || !image) return CUDA_ERROR_INVALID_VALUE;
    std::string reason;
    const std::shared_ptr<Module> module = Module::load(image, reason);
    if (!module) return CUDA_ERROR_INVALID_IMAGE;
    if (!runs_here(*module)) return CUDA_ERROR_NO_BINARY_FOR_GPU;
    const std::shared_ptr<LoadedModule> made = std::make_shared<LoadedModule>();
    made->module = module;
    call.context().modules.add(made, loaded);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuModuleUnload(CUmodule handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    const std::shared_ptr<LoadedModule> module = call.context().modules.remove(handle);
    if (!module) return call.refused ? call.refused : CUDA_ERROR_INVALID_HANDLE;
    for (const auto& [name, function] : module->functions) call.context().functions.remove(function);
    for (const auto& [id, stream] : call.context().queues)
        for (const OperationPtr& pending : stream->pending)
            if (pending->work->code == module->module) {   // nobody says that the driver would wait
                report("cuModuleUnload: a launch of " + pending->work->name + " has not run");
                call.context().sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
                return call.context().sticky;
            }
    return call.refused;
}

CUDA_EXPORT CUresult cuModuleGetFunction(CUfunction* found, CUmodule handle, const char* name)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<LoadedModule> module = call.context().modules.find(handle);
    if (!module) return CUDA_ERROR_INVALID_HANDLE;
    if (!found || !name) return CUDA_ERROR_INVALID_VALUE;
    const Kernel* const kernel = module->module->find(name);
    if (!kernel) return CUDA_ERROR_NOT_FOUND;
    CUfunction& handed_out = module->functions[name];
    if (!handed_out) {
        const std::shared_ptr<Function> function = std::make_shared<Function>();
        function->module = module->module;
        function->kernel = kernel;
        function->dynamic_shared_limit = DEFAULT_SHARED - static_cast<int>(kernel->static_shared_bytes);
        call.context().functions.add(function, &handed_out);
    }
    *found = handed_out;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuFuncGetAttribute(int* value, CUfunction_attribute which, CUfunction handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Function> function = call.context().functions.find(handle);
    if (!function) return CUDA_ERROR_INVALID_HANDLE;
    if (!value) return CUDA_ERROR_INVALID_VALUE;
    switch (which) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = function->kernel->max_threads; break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = static_cast<int>(function->kernel->static_shared_bytes); break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 0; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;   // g++ has no idea
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = function->kernel->architecture; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = function->dynamic_shared_limit; break;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute which, int value)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Function> function = call.context().functions.find(handle);
    if (!function) return CUDA_ERROR_INVALID_HANDLE;
    if (which == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    const int most = opt_in_shared_bytes() - static_cast<int>(function->kernel->static_shared_bytes);
    if (which != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 || value > most) return CUDA_ERROR_INVALID_VALUE;
    function->dynamic_shared_limit = value;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                                    unsigned block_z, unsigned shared_bytes, CUstream stream_handle, void** parameters, void** extra)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Function> function = call.context().functions.find(handle);
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!function || !stream) return CUDA_ERROR_INVALID_HANDLE;
    if (extra) return CUDA_ERROR_NOT_SUPPORTED;   // arguments packed by the caller: nobody here does
    const Extent grid = {grid_x, grid_y, grid_z}, block = {block_x, block_y, block_z};
    const Kernel& kernel = *function->kernel;
    if (!legal_shape(*function, grid, block, shared_bytes) || (!parameters && !kernel.arguments.empty())) return CUDA_ERROR_INVALID_VALUE;

    const std::shared_ptr<Work> launch = new_work(Work::COMPUTE, kernel.name);
    launch->code = function->module;
    const auto packed = std::make_shared<std::vector<unsigned char>>(kernel.packed_bytes);
    for (std::size_t i = 0; i < kernel.arguments.size(); i++) {
        const Argument& argument = kernel.arguments[i];
        if (!parameters[i]) return CUDA_ERROR_INVALID_VALUE;
        std::memcpy(packed->data() + argument.offset, parameters[i], argument.bytes);
        for (std::size_t at = 0; at + sizeof(CUdeviceptr) <= argument.bytes; at += sizeof(CUdeviceptr)) {
            CUdeviceptr address;   // or any other eight bytes: those lie in no allocation
            std::memcpy(&address, packed->data() + argument.offset + at, sizeof address);
            if (find_allocation(address)) launch->touched.push_back(address);
        }
    }
    if (const CUresult failed = injected_fault(fault_launch)) return failed;
    launch->put = [name = kernel.name] {
        counts.launches++;
        counts.kernels[name]++;
    };
    const std::size_t dynamic_shared = kernel.takes_dynamic_shared ? shared_bytes : 0;   // it may be given what it never looks at
    launch->run = [function, grid, block, dynamic_shared, packed] {
        return static_cast<CUresult>(run_kernel(*function->kernel, grid, block, dynamic_shared, packed->data()));
    };
    return submit(*stream, launch);
}
