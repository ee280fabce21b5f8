// The driver half of the emulated device: codes, limits, lateness, order, memory, capture, faults. Each story is one function.
#include <chrono>
#include <cmath>
#include <thread>

#include "test_device.h"

namespace {

constexpr const char* SCALE = R"(
extern "C" __global__ void __launch_bounds__(128) scale(float* x, long long n, float by)
{
    const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    x[i] *= by;
}
extern "C" __global__ void __launch_bounds__(128) past_the_end(float* x, long long n) { x[n + threadIdx.x] = 1.0f; }
)";

CUresult launch(CUfunction function, CUstream stream, CUdeviceptr x, long long n, float by, unsigned grid = 1, unsigned block = 128, unsigned shared = 0)
{
    void* arguments[] = {&x, &n, &by};
    return cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, arguments, nullptr);
}

template <class Handle> Handle garbage() { return reinterpret_cast<Handle>(std::uintptr_t(0x1234)); }

void needs_init_and_a_current_context()
{
    int count;
    CUstream stream;
    SAME(cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
    SAME(cuStreamCreate(&stream, 0), CUDA_ERROR_NOT_INITIALIZED);
    OK(cuInit(0));
    SAME(cuStreamCreate(&stream, 0), CUDA_ERROR_INVALID_CONTEXT);
    CUdevice device;
    SAME(cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
    TestDevice one;
    std::thread([] {
        CUstream other;
        SAME(cuStreamCreate(&other, 0), CUDA_ERROR_INVALID_CONTEXT);
    }).join();
}

void profiles_have_their_limits()
{
    TestDevice one;
    const int limits[][2] = {{80, 163}, {86, 99}, {89, 99}, {90, 227}};
    for (const auto& [profile, kilobytes] : limits) {
        OK(emu_set_profile(profile));
        int value = 0;
        OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 0));
        SAME(value, kilobytes << 10);
        OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
        SAME(value, profile % 10);
    }
    SAME(emu_set_profile(70), -1);
    char name[32];
    OK(cuDeviceGetName(name, sizeof name, 0));
    HOLDS(std::string(name) == "Emulated sm_90");
}

void dead_handles_are_errors()
{
    TestDevice one;
    CUevent event;
    OK(cuEventCreate(&event, 0));
    OK(cuEventDestroy_v2(event));
    SAME(cuEventDestroy_v2(event), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuEventRecord(event, one.stream), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuStreamSynchronize(garbage<CUstream>()), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuStreamDestroy_v2(garbage<CUstream>()), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuModuleUnload(garbage<CUmodule>()), CUDA_ERROR_INVALID_HANDLE);
    SAME(cuMemPoolDestroy(garbage<CUmemoryPool>()), CUDA_ERROR_INVALID_VALUE);
    SAME(cuMemFreeAsync(0x1000, one.stream), CUDA_ERROR_INVALID_VALUE);
    SAME(cuGraphLaunch(garbage<CUgraphExec>(), one.stream), CUDA_ERROR_INVALID_VALUE);
    SAME(launch(garbage<CUfunction>(), one.stream, 0, 0, 0), CUDA_ERROR_INVALID_HANDLE);
    float value;
    SAME(cuMemcpyDtoHAsync_v2(&value, 0x1000, 4, one.stream), CUDA_ERROR_INVALID_VALUE);
    SAME(cuCtxSetCurrent(garbage<CUcontext>()), CUDA_ERROR_INVALID_CONTEXT);
    const char* text;
    OK(cuGetErrorName(CUDA_ERROR_MISALIGNED_ADDRESS, &text));
    HOLDS(std::string(text) == "CUDA_ERROR_MISALIGNED_ADDRESS");
    SAME(cuGetErrorString(static_cast<CUresult>(12345), &text), CUDA_ERROR_INVALID_VALUE);
}

void copies_run_late()
{
    TestDevice one;
    std::vector<float> pageable = {1, 2, 3, 4}, back(4, 7);
    const CUdeviceptr x = one.upload(pageable);
    pageable[0] = 9;   // taken at the call
    OK(cuMemcpyDtoHAsync_v2(back.data(), x, 16, one.stream));
    HOLDS(std::isnan(back[0]));
    OK(cuStreamSynchronize(one.stream));
    SAME(back[0], 1);

    float* pinned;
    OK(cuMemHostAlloc(reinterpret_cast<void**>(&pinned), 16, 0));
    pinned[0] = 5;
    OK(cuMemcpyHtoDAsync_v2(x, pinned, 16, one.stream));
    pinned[0] = 6;   // not yet read
    SAME(one.download(x, 1)[0], 6);
    OK(cuMemFreeHost(pinned));
    SAME(cuMemFreeHost(pinned), CUDA_ERROR_INVALID_VALUE);

    emu_set_schedule(1);
    OK(cuMemcpyDtoHAsync_v2(back.data(), x, 16, one.stream));
    SAME(back[0], 6);
    SAME(emu_count("copies_to_host"), 3);
    SAME(emu_count("bytes_to_host"), 36);
    SAME(emu_reports(), 0);
}

void pageable_memory_is_read_late_in_hostile_orders()
{
    TestDevice one;
    std::vector<float> pageable = {1};
    const CUdeviceptr x = one.upload(pageable);
    int late = 0;
    constexpr int first = 2, last = 20;
    for (int schedule = first; schedule <= last; schedule++) {
        emu_set_schedule(schedule);
        pageable[0] = 1;
        OK(cuMemcpyHtoDAsync_v2(x, pageable.data(), 4, one.stream));
        pageable[0] = 2;
        late += one.download(x, 1)[0] == 2;
    }
    HOLDS(late > 0 && late <= last - first);   // some run at once
    emu_set_schedule(0);
}

void graphs_outlive_their_launches()
{
    TestDevice one;
    const CUdeviceptr x = one.upload({1});
    CUgraph graph;
    CUgraphExec exec;
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    OK(cuMemsetD32Async(x, 0, 1, one.stream));
    OK(cuStreamEndCapture(one.stream, &graph));
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    OK(cuGraphLaunch(exec, one.stream));
    OK(cuGraphExecDestroy(exec));
    HOLDS(emu_reports() == 1 && std::string(emu_report(0)) == "cuGraphExecDestroy: a launch of it has not run");
    SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void modules_outlive_their_launches()
{
    TestDevice one;
    const std::vector<char> cubin = TestDevice::compile(SCALE);
    CUmodule module;
    CUfunction scale;
    OK(cuModuleLoadData(&module, cubin.data()));
    OK(cuModuleGetFunction(&scale, module, "scale"));
    const CUdeviceptr x = one.upload({1});
    OK(launch(scale, one.stream, x, 1, 2));
    SAME(cuModuleUnload(module), CUDA_ERROR_ILLEGAL_ADDRESS);
    HOLDS(emu_reports() == 1 && std::string(emu_report(0)) == "cuModuleUnload: a launch of scale has not run");
}

void events_order_streams()
{
    TestDevice one;
    for (int schedule = 0; schedule < 20; schedule++) {
        emu_set_schedule(schedule);
        CUstream other;
        CUevent ready;
        OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
        OK(cuEventCreate(&ready, CU_EVENT_DISABLE_TIMING));
        OK(cuEventQuery(ready));                       // never recorded: nothing to wait for
        OK(cuStreamWaitEvent(other, ready, 0));
        const CUdeviceptr x = one.upload({1, 2, 3, 4});
        OK(cuMemsetD32Async(x, 0x40000000, 1, one.stream));
        OK(cuEventRecord(ready, one.stream));
        OK(cuStreamWaitEvent(other, ready, 0));
        float value = 0;
        OK(cuMemcpyDtoHAsync_v2(&value, x, 4, other));
        OK(cuStreamSynchronize(other));
        SAME(value, 2);
        OK(cuMemFreeAsync(x, other));
        float milliseconds;
        SAME(cuEventElapsedTime(&milliseconds, ready, ready), CUDA_ERROR_INVALID_HANDLE);
        OK(cuEventDestroy_v2(ready));
        OK(cuStreamDestroy_v2(other));
    }
    SAME(emu_reports(), 0);
    emu_set_schedule(0);
    CUevent start, end;
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&end, 0));
    OK(cuEventRecord(start, one.stream));
    OK(cuEventRecord(end, one.stream));
    float milliseconds = -1;
    SAME(cuEventElapsedTime(&milliseconds, start, end), CUDA_ERROR_NOT_READY);
    int polls = 0;
    while (cuEventQuery(end) == CUDA_ERROR_NOT_READY) polls++;
    HOLDS(polls > 0);
    OK(cuEventElapsedTime(&milliseconds, start, end));
    HOLDS(milliseconds >= 0);
}

// What a stream waits for has run when the stream is synchronised, though nothing followed the wait.
void a_wait_is_waited_for()
{
    TestDevice one;
    CUstream other;
    CUevent copied;
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&copied, 0));
    const CUdeviceptr x = one.upload({3});
    float value;
    OK(cuMemcpyDtoHAsync_v2(&value, x, 4, one.stream));
    OK(cuEventRecord(copied, one.stream));
    OK(cuStreamWaitEvent(other, copied, 0));
    OK(cuStreamSynchronize(other));
    SAME(value, 3);
}

// Two streams that nothing orders: each order of their fills is met, by some seed.
void schedules_differ()
{
    bool first_won = false, second_won = false;
    for (int schedule = 2; schedule < 40; schedule++) {
        TestDevice one;
        emu_set_schedule(schedule);
        CUstream other;
        OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
        const CUdeviceptr x = one.allocate(4);
        OK(cuStreamSynchronize(one.stream));
        OK(cuMemsetD32Async(x, 0x3f800000, 1, one.stream));
        OK(cuMemsetD32Async(x, 0x40000000, 1, other));
        OK(cuStreamSynchronize(other));
        const float value = one.download(x, 1)[0];
        first_won |= value == 1;
        second_won |= value == 2;
    }
    HOLDS(first_won && second_won);
}

void unordered_use_is_reported()
{
    TestDevice one;
    CUstream other;
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    const CUdeviceptr x = one.allocate(16);
    OK(cuMemsetD32Async(x, 0, 4, other));
    SAME(emu_reports(), 1);
    SAME(cuStreamSynchronize(other), CUDA_ERROR_ILLEGAL_ADDRESS);
}

void unordered_release_is_reported()
{
    TestDevice one;
    CUstream other;
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    const CUdeviceptr x = one.allocate(16);
    OK(cuStreamSynchronize(one.stream));
    OK(cuMemsetD32Async(x, 0, 4, other));
    OK(cuMemFreeAsync(x, one.stream));
    SAME(emu_reports(), 1);
}

void use_after_free_is_reported()
{
    TestDevice one;
    const CUdeviceptr x = one.upload({1, 2});
    OK(cuMemFreeAsync(x, one.stream));
    SAME(cuMemFreeAsync(x, one.stream), CUDA_ERROR_INVALID_VALUE);
    float value;
    OK(cuMemcpyDtoHAsync_v2(&value, x, 4, one.stream));
    SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
    HOLDS(emu_reports() >= 1);
}

void memory_ends()
{
    TestDevice one;
    emu_set_memory(1000);
    const CUdeviceptr x = one.allocate(600);
    CUdeviceptr y = 0;
    SAME(cuMemAllocFromPoolAsync(&y, 401, one.pool, one.stream), CUDA_ERROR_OUT_OF_MEMORY);
    SAME(cuMemPoolDestroy(one.pool), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeAsync(x, one.stream));
    std::size_t rest, total;
    OK(cuMemGetInfo_v2(&rest, &total));
    SAME(rest, 400);   // the pool keeps what was freed
    SAME(cuMemAllocFromPoolAsync(&y, 700, one.pool, one.stream), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemPoolTrimTo(one.pool, 0));
    SAME(cuMemAllocFromPoolAsync(&y, 700, one.pool, one.stream), CUDA_ERROR_OUT_OF_MEMORY);   // the release has not run
    OK(cuStreamSynchronize(one.stream));
    OK(cuMemPoolTrimTo(one.pool, 0));
    OK(cuMemAllocFromPoolAsync(&y, 700, one.pool, one.stream));
    SAME(emu_count("live_bytes"), 700);
    SAME(emu_count("peak_bytes"), 700);
    SAME(emu_count("live_allocations"), 1);
    const CUmemoryPool small = TestDevice::make_pool(100);
    SAME(cuMemAllocFromPoolAsync(&y, 101, small, one.stream), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemPoolDestroy(small));
}

void launches_are_checked()
{
    TestDevice one;
    const std::vector<char> cubin = TestDevice::compile(SCALE);
    CUmodule module;
    CUfunction scale;
    SAME(cuModuleLoadData(&module, "not a cubin at all, but long enough to be looked at by a careful loader"), CUDA_ERROR_INVALID_IMAGE);
    OK(cuModuleLoadData(&module, cubin.data()));
    SAME(cuModuleGetFunction(&scale, module, "nothing"), CUDA_ERROR_NOT_FOUND);
    OK(cuModuleGetFunction(&scale, module, "scale"));
    const CUdeviceptr x = one.upload({1, 2, 3});
    OK(launch(scale, one.stream, x, 3, 2));
    OK(launch(scale, one.stream, x, 3, 5));
    SAME(one.download(x, 3)[2], 30);
    SAME(emu_kernel_launches("scale"), 2);
    SAME(launch(scale, one.stream, x, 3, 2, 0), CUDA_ERROR_INVALID_VALUE);
    SAME(launch(scale, one.stream, x, 3, 2, 1, 129), CUDA_ERROR_INVALID_VALUE);   // its launch bounds
    SAME(launch(scale, one.stream, x, 3, 2, 1, 128, 49 << 10), CUDA_ERROR_INVALID_VALUE);
    OK(cuFuncSetAttribute(scale, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 163 << 10));
    SAME(cuFuncSetAttribute(scale, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, (163 << 10) + 1), CUDA_ERROR_INVALID_VALUE);
    OK(launch(scale, one.stream, x, 3, 2, 1, 128, 49 << 10));
    OK(cuStreamSynchronize(one.stream));
    OK(cuModuleUnload(module));
    SAME(launch(scale, one.stream, x, 3, 2), CUDA_ERROR_INVALID_HANDLE);
    emu_set_profile(90);
    SAME(cuModuleLoadData(&module, cubin.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
}

void a_fault_of_a_kernel_stays()
{
    const std::vector<char> cubin = TestDevice::compile(SCALE);
    {
        TestDevice one;
        CUmodule module;
        CUfunction function;
        OK(cuModuleLoadData(&module, cubin.data()));
        OK(cuModuleGetFunction(&function, module, "past_the_end"));
        CUdeviceptr x = one.upload({1, 2, 3});
        long long n = 3;
        void* arguments[] = {&x, &n};
        OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, one.stream, arguments, nullptr));
        SAME(emu_reports(), 0);   // it has not run
        SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
        HOLDS(emu_reports() > 0 && std::string(emu_report(0)).find("past_the_end") != std::string::npos);
        CUevent event;
        SAME(cuEventCreate(&event, 0), CUDA_ERROR_ILLEGAL_ADDRESS);
        SAME(cuMemFreeAsync(x, one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
        SAME(cuStreamDestroy_v2(one.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
    }
    TestDevice again;
    SAME(emu_count("live_bytes"), 0);
    SAME(again.download(again.upload({4}), 1)[0], 4);
}

void captures_become_graphs()
{
    TestDevice one;
    const std::vector<char> cubin = TestDevice::compile(SCALE);
    CUmodule module;
    CUfunction scale;
    OK(cuModuleLoadData(&module, cubin.data()));
    OK(cuModuleGetFunction(&scale, module, "scale"));
    const CUdeviceptr x = one.upload({1});
    CUgraph graph;
    CUgraphExec exec;
    SAME(cuStreamEndCapture(one.stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    OK(launch(scale, one.stream, x, 1, 2));
    OK(launch(scale, one.stream, x, 1, 3));
    OK(cuStreamEndCapture(one.stream, &graph));
    SAME(emu_count("launches"), 0);
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    for (int i = 0; i < 3; i++) OK(cuGraphLaunch(exec, one.stream));
    SAME(one.download(x, 1)[0], 216);
    SAME(emu_count("launches"), 6);
    SAME(emu_count("graph_launches"), 3);
    OK(cuGraphExecDestroy(exec));

    CUevent event;
    OK(cuEventCreate(&event, 0));
    CUdeviceptr y;
    const auto spoils = [&](const char* what, CUresult result) {
        if (result != CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED) std::printf("in capture: %s\n", what);
        SAME(result, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
        SAME(launch(scale, one.stream, x, 1, 2), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        SAME(cuStreamEndCapture(one.stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    };
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    spoils("synchronise", cuStreamSynchronize(one.stream));
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    spoils("allocate", cuMemAllocFromPoolAsync(&y, 4, one.pool, one.stream));
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    spoils("free", cuMemFreeAsync(x, one.stream));
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    spoils("query", cuEventQuery(event));
    OK(cuStreamBeginCapture_v2(one.stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    OK(cuEventRecord(event, one.stream));
    SAME(cuEventSynchronize(event), CUDA_ERROR_CAPTURED_EVENT);
    OK(cuStreamEndCapture(one.stream, &graph));
    OK(cuGraphDestroy(graph));
    SAME(one.download(x, 1)[0], 216);
}

void faults_come_on_demand()
{
    TestDevice one;
    CUdeviceptr x;
    emu_fail(0, 2, 0, CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemAllocFromPoolAsync(&x, 4, one.pool, one.stream));
    SAME(cuMemAllocFromPoolAsync(&x, 4, one.pool, one.stream), CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuMemAllocFromPoolAsync(&x, 4, one.pool, one.stream));
    emu_fail(0, 1, 1, CUDA_ERROR_OUT_OF_MEMORY);
    for (int i = 0; i < 3; i++) SAME(cuMemAllocFromPoolAsync(&x, 4, one.pool, one.stream), CUDA_ERROR_OUT_OF_MEMORY);
    emu_fail(0, 0, 0, 0);
    OK(cuMemAllocFromPoolAsync(&x, 4, one.pool, one.stream));
    emu_fail(1, 1, 0, CUDA_ERROR_LAUNCH_FAILED);
    SAME(cuMemcpyHtoDAsync_v2(x, "abc", 4, one.stream), CUDA_ERROR_LAUNCH_FAILED);
    SAME(cuStreamSynchronize(one.stream), CUDA_ERROR_LAUNCH_FAILED);   // no context survives that one
}

}  // namespace

int main()
{
    needs_init_and_a_current_context();
    profiles_have_their_limits();
    dead_handles_are_errors();
    copies_run_late();
    pageable_memory_is_read_late_in_hostile_orders();
    events_order_streams();
    a_wait_is_waited_for();
    schedules_differ();
    unordered_use_is_reported();
    unordered_release_is_reported();
    use_after_free_is_reported();
    memory_ends();
    launches_are_checked();
    a_fault_of_a_kernel_stays();
    captures_become_graphs();
    graphs_outlive_their_launches();
    modules_outlive_their_launches();
    faults_come_on_demand();
    std::printf("driver_test: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
