// cuInit, the device's queries, and its primary context.
#include "device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "counts.h"
#include "faults.h"

namespace emu {
namespace {

thread_local CUcontext current_context = nullptr;

struct Profile { int capability, opt_in_kb, processor_kb, processors, threads_per_processor, blocks_per_processor, l2_mb, bus_bits, memory_khz, clock_khz; };
// Those of an A100, an RTX 3080, an RTX 4090 and an H100.
constexpr Profile profiles[] = {
    {80, 163, 164, 108, 2048, 32, 40, 5120, 1215000, 1410000},
    {86, 99, 100, 68, 1536, 16, 5, 320, 9501000, 1710000},
    {89, 99, 100, 128, 1536, 24, 72, 384, 10501000, 2520000},
    {90, 227, 228, 132, 2048, 32, 50, 5120, 2619000, 1980000},
};

const Profile& profile()
{
    return *std::find_if(std::begin(profiles), std::end(profiles), [](const Profile& one) { return one.capability == device().profile; });
}

CUresult attribute(int which, int& value)
{
    const Profile& is = profile();
    switch (which) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: value = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: value = 64; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: value = 0x7fffffff; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: value = 65535; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: value = 48 << 10; break;
    case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: value = 64 << 10; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: value = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: value = 65536; break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: value = is.clock_khz; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: value = is.processors; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: value = is.memory_khz; break;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: value = is.bus_bits; break;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: value = is.l2_mb << 20; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: value = is.threads_per_processor; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: value = is.blocks_per_processor; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: value = is.capability / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: value = is.capability % 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: value = is.processor_kb << 10; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: value = is.opt_in_kb << 10; break;
    case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: value = 1 << 10; break;
    case CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO: value = is.capability % 10 == 0 ? 2 : 64; break;
    case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH: value = is.capability >= 90; break;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: value = 2; break;
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
    case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED: value = 1; break;
    case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:
    case CU_DEVICE_ATTRIBUTE_INTEGRATED:
    case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
    case CU_DEVICE_ATTRIBUTE_ECC_ENABLED:
    case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
    case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID: value = 0; break;
    default: return CUDA_ERROR_INVALID_VALUE;   // of the hundred others none has an honest answer here
    }
    return CUDA_SUCCESS;
}

// A query that needs no context: initialised, and a device that exists.
CUresult check_device(CUdevice which)
{
    return !device().initialised ? CUDA_ERROR_NOT_INITIALIZED : which != 0 ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

bool kills_context(CUresult result)
{
    switch (result) {
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_UNKNOWN: return true;
    default: return false;
    }
}

CUresult find_current()
{
    Device& one = device();
    if (!one.initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (current_context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    if (!one.context || one.context->handle != current_context) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    return one.context->sticky;
}

}  // namespace

Device& device()
{
    static Device* const one = new Device;   // never destroyed: host threads may outlive the statics
    return *one;
}

int opt_in_shared_bytes() { return profile().opt_in_kb << 10; }

bool context_is_current() { return find_current() != CUDA_ERROR_NOT_INITIALIZED && device().context && device().context->handle == current_context; }

Call::Call() : refused(CUDA_SUCCESS), _locked(device().lock) { refused = find_current(); }

CUresult injected_fault(int kind)
{
    const CUresult result = static_cast<CUresult>(fault(kind));
    if (kills_context(result)) device().context->sticky = result;
    return result;
}

// Destroying a context waits for its work; a dead one has none left.
void close_context()
{
    Context& context = *device().context;
    for (const auto& [id, stream] : context.queues) complete(*stream);
    for (const auto& [address, allocation] : context.allocations) {
        release(address);
        if (allocation.freed) continue;
        counts.live_bytes -= allocation.bytes;
        counts.live_allocations--;
    }
    for (const auto& [address, bytes] : context.host_memory) std::free(reinterpret_cast<void*>(address));
    device().context.reset();
    forget_streams();
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuInit(unsigned flags)
{
    const std::lock_guard locked(device().lock);
    if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
    device().initialised = true;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDriverGetVersion(int* version)
{
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    *version = 12080;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDeviceGetCount(int* count)
{
    const std::lock_guard locked(device().lock);
    if (!device().initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDeviceGet(CUdevice* found, int ordinal)
{
    const std::lock_guard locked(device().lock);
    if (!device().initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (!found) return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0) return CUDA_ERROR_INVALID_DEVICE;
    *found = 0;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDeviceGetName(char* name, int length, CUdevice which)
{
    const std::lock_guard locked(device().lock);
    if (const CUresult refused = check_device(which)) return refused;
    if (!name || length <= 0) return CUDA_ERROR_INVALID_VALUE;
    std::snprintf(name, static_cast<std::size_t>(length), "Emulated sm_%d", device().profile);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice of)
{
    const std::lock_guard locked(device().lock);
    if (const CUresult refused = check_device(of)) return refused;
    return value ? attribute(which, *value) : CUDA_ERROR_INVALID_VALUE;
}

CUDA_EXPORT CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice of)
{
    const std::lock_guard locked(device().lock);
    if (const CUresult refused = check_device(of)) return refused;
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    *bytes = device().memory;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* retained, CUdevice of)
{
    const std::lock_guard locked(device().lock);
    if (const CUresult refused = check_device(of)) return refused;
    if (!retained) return CUDA_ERROR_INVALID_VALUE;
    std::unique_ptr<Context>& context = device().context;
    if (!context) {
        context = std::make_unique<Context>();
        context->handle = static_cast<CUcontext>(next_handle());
        context->legacy = new_stream(*context, CU_STREAM_DEFAULT);
    }
    if (context->sticky != CUDA_SUCCESS) return context->sticky;
    context->retained++;
    *retained = context->handle;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice of)
{
    const std::lock_guard locked(device().lock);
    if (const CUresult refused = check_device(of)) return refused;
    if (!device().context) return CUDA_ERROR_INVALID_CONTEXT;
    if (--device().context->retained == 0) close_context();
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuCtxSetCurrent(CUcontext context)
{
    const std::lock_guard locked(device().lock);
    if (!device().initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (context && (!device().context || device().context->handle != context)) return CUDA_ERROR_INVALID_CONTEXT;
    current_context = context;
    return CUDA_SUCCESS;
}
