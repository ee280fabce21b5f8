// Kernels with a known flaw each must be caught, and their mended twins must not.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "device_memory.h"
#include "kernel.h"

extern "C"
{
int nvrtcCreateProgram(void**, const char*, const char*, int, const char* const*, const char* const*);
int nvrtcCompileProgram(void*, int, const char* const*);
int nvrtcGetProgramLogSize(void*, size_t*);
int nvrtcGetProgramLog(void*, char*);
int nvrtcGetCUBINSize(void*, size_t*);
int nvrtcGetCUBIN(void*, char*);
int nvrtcDestroyProgram(void**);
}

static const char* source = R"(
#include "common/warp.cuh"
extern __shared__ float4 shared[];
extern "C" __global__ void __launch_bounds__(32 * WARPS)
sum(const float* __restrict__ x, float* y, long long n, float scale)
{
    __shared__ float part[WARPS];
    float v = 0;
    #pragma unroll
    for (long long i = threadIdx.x; i < n; i += blockDim.x) v += x[i];
    v = warp_sum(v);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    float total = 0;
    for (int w = 0; w < WARPS; w++) total += part[w];
    reinterpret_cast<float*>(shared)[threadIdx.x] = total;
    if (threadIdx.x == 0) y[blockIdx.x] = total * scale + reinterpret_cast<float*>(shared)[0];
}
)";
static const char* header = R"(
__device__ __forceinline__ float warp_sum(float v)
{
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffff, v, lanes);
    return v;
}
)";

int main()
{
    void* p;
    const char* names[] = {"common/warp.cuh"};
    nvrtcCreateProgram(&p, source, "sum.cu", 1, &header, names);
    const char* options[] = {"--gpu-architecture=sm_80", "-DWARPS=4"};
    int r = nvrtcCompileProgram(p, 2, options);
    size_t n; nvrtcGetProgramLogSize(p, &n);
    std::string log(n, 0); nvrtcGetProgramLog(p, log.data());
    printf("%d %s\n", r, log.c_str());
    if (r) return 1;
    nvrtcGetCUBINSize(p, &n); std::string cubin(n, 0); nvrtcGetCUBIN(p, cubin.data());
    std::string why;
    auto m = emu::Module::load(cubin.data(), why);
    if (!m) { printf("%s\n", why.c_str()); return 1; }
    const emu::Kernel* k = m->find("sum");
    printf("%zu args, packed %zu shared %zu max %d dyn %d\n", k->arguments.size(), k->packed_bytes, k->static_shared_bytes, k->max_threads, k->takes_dynamic_shared);
    uintptr_t x = emu::allocate(1000 * 4), y = emu::allocate(8);
    for (int i = 0; i < 1000; i++) ((float*)x)[i] = i;
    emu::mark_written(x, 4000);
    struct { uintptr_t x, y; long long n; float scale; } a{x, y, 1000, 2};
    auto o = emu::run_kernel(*k, {2}, {128}, 128 * 4, (unsigned char*)&a);
    printf("%d %g %g\n", (int)o, ((float*)y)[0], ((float*)y)[1]);
}
