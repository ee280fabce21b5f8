// What self_test.cpp needs of the emulated device: compile a source, launch its kernel, look at the reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
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

struct Built
{
    int result = 0;
    std::string log, cubin;
};

inline Built build(const std::string& text, std::vector<const char*> options, const std::string& header = "")
{
    Built built;
    void* program = nullptr;
    const char *header_text = header.c_str(), *header_name = "common/test.cuh";
    nvrtcCreateProgram(&program, text.c_str(), "test.cu", header.empty() ? 0 : 1, &header_text, &header_name);
    options.push_back("--gpu-architecture=sm_80");
    built.result = nvrtcCompileProgram(program, static_cast<int>(options.size()), options.data());
    size_t size = 0;
    nvrtcGetProgramLogSize(program, &size);
    built.log.resize(size);
    nvrtcGetProgramLog(program, built.log.data());
    if (built.result == 0)
    {
        nvrtcGetCUBINSize(program, &size);
        built.cubin.resize(size);
        nvrtcGetCUBIN(program, built.cubin.data());
    }
    nvrtcDestroyProgram(&program);
    return built;
}

inline std::unique_ptr<emu::Module> load(const Built& built)
{
    std::string reason;
    auto module = built.result == 0 ? emu::Module::load(built.cubin.data(), reason) : nullptr;
    if (!module)
    {
        printf("%s%s\n", built.log.c_str(), reason.c_str());
        exit(1);
    }
    return module;
}

// Device memory of floats; what is not given is never written.
class Floats
{
public:
    explicit Floats(size_t count) : address(emu::allocate(count * sizeof(float))) {}
    Floats(size_t count, float value) : Floats(count)
    {
        for (size_t i = 0; i < count; i++) data()[i] = value;
        emu::mark_written(address, count * sizeof(float));
    }
    ~Floats() { emu::release(address); }
    Floats(const Floats&) = delete;
    float* data() const { return reinterpret_cast<float*>(address); }
    const uintptr_t address;
};

// The arguments that every kernel of the tests has: x, y, n.
struct Arguments
{
    uintptr_t x, y;
    int n;
};

inline emu::Outcome run(const emu::Module& module, const Arguments& arguments, emu::Extent grid, emu::Extent block, size_t dynamic_shared)
{
    return emu::run_kernel(module.kernels.at(0), grid, block, dynamic_shared, reinterpret_cast<const unsigned char*>(&arguments));
}
