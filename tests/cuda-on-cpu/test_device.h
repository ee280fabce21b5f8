// What the emulator's own tests share: a check that goes on after a failure, and a device with a stream, a pool and compiled kernels.
#pragma once
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "controls.h"
#include "cublaslt_abi.h"

extern "C" {
int nvrtcCreateProgram(void**, const char*, const char*, int, const char* const*, const char* const*);
int nvrtcCompileProgram(void*, int, const char* const*);
int nvrtcGetCUBINSize(void*, std::size_t*);
int nvrtcGetCUBIN(void*, char*);
int nvrtcDestroyProgram(void**);
}

inline int failures = 0, checks = 0;

#define SAME(actual, expected)                                                                                       \
    do {                                                                                                             \
        const double is = static_cast<double>(actual), should = static_cast<double>(expected);                      \
        checks++;                                                                                                    \
        if (is == should) break;                                                                                     \
        failures++;                                                                                                  \
        std::printf("%s:%d: %s is %.9g, not %.9g\n", __FILE__, __LINE__, #actual, is, should);                      \
    } while (false)
#define OK(call) SAME(call, 0)
#define HOLDS(condition) SAME(static_cast<bool>(condition), true)

struct TestDevice {
    CUcontext context = nullptr;
    CUstream stream = nullptr;
    CUmemoryPool pool = nullptr;

    TestDevice()
    {
        emu_reset();
        OK(cuInit(0));
        OK(cuDevicePrimaryCtxRetain(&context, 0));
        OK(cuCtxSetCurrent(context));
        OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
        pool = make_pool(0);
    }
    ~TestDevice()
    {
        OK(cuDevicePrimaryCtxRelease_v2(0));
        OK(cuCtxSetCurrent(nullptr));
        emu_reset();
    }

    static CUmemoryPool make_pool(std::size_t most)
    {
        CUmemPoolProps properties = {};
        properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
        properties.location = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
        properties.maxSize = most;
        CUmemoryPool made = nullptr;
        OK(cuMemPoolCreate(&made, &properties));
        std::uint64_t keep = ~0ull;
        OK(cuMemPoolSetAttribute(made, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
        return made;
    }

    CUdeviceptr allocate(std::size_t bytes)
    {
        CUdeviceptr address = 0;
        OK(cuMemAllocFromPoolAsync(&address, bytes, pool, stream));
        return address;
    }

    CUdeviceptr upload(const std::vector<float>& values)
    {
        const CUdeviceptr address = allocate(values.size() * 4);
        OK(cuMemcpyHtoDAsync_v2(address, values.data(), values.size() * 4, stream));
        return address;
    }

    std::vector<float> download(CUdeviceptr address, std::size_t count)
    {
        std::vector<float> values(count);
        OK(cuMemcpyDtoHAsync_v2(values.data(), address, count * 4, stream));
        OK(cuStreamSynchronize(stream));
        return values;
    }

    // A module of the source, for sm_80.
    static std::vector<char> compile(const char* source)
    {
        void* program = nullptr;
        OK(nvrtcCreateProgram(&program, source, "test.cu", 0, nullptr, nullptr));
        const char* options[] = {"--gpu-architecture=sm_80"};
        OK(nvrtcCompileProgram(program, 1, options));
        std::size_t bytes = 0;
        OK(nvrtcGetCUBINSize(program, &bytes));
        std::vector<char> cubin(bytes);
        OK(nvrtcGetCUBIN(program, cubin.data()));
        OK(nvrtcDestroyProgram(&program));
        return cubin;
    }
};
