// Kernels of the emulated device: a module is loaded from the bytes that nvrtcGetCUBIN or nvrtcGetPTX gave, and a launch runs
// then and there, on the calling thread, one block after another. One launch at a time in the process; others wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// Visible outside the library for self_test.cpp alone.
#pragma GCC visibility push(default)

namespace emu
{

// Read when a program is compiled (instrumented) and when a launch begins (the others).
struct Settings
{
    bool instrumented = true;         // compile with access hooks
    bool copy_async_early = false;    // cp.async lands at once, instead of at the wait_group that covers it
    std::string skip_barrier_file;    // the __syncthreads or __syncwarp at this file and line is taken out; empty: none
    int skip_barrier_line = 0;
};
extern Settings settings;
void reset_settings();

struct Argument
{
    size_t offset = 0;   // in the packed arguments, aligned as the type wants it
    size_t bytes = 0;
};

struct Kernel
{
    std::string name;
    std::vector<Argument> arguments;
    size_t packed_bytes = 0;             // of all arguments
    size_t static_shared_bytes = 0;
    int max_threads = 1024;              // of a block: what __launch_bounds__ says, else 1024
    bool takes_dynamic_shared = false;   // declares `extern __shared__`
    int architecture = 0;                // 80 for sm_80; of the program, not of the device
    bool portable = false;               // compiled as PTX: runs on any device of at least `architecture`
    const void* code = nullptr;          // what run_kernel needs
    class Module* module = nullptr;
};

class Module
{
public:
    // The blob carries its own length. nullptr and a reason: not such a blob, or the loader refused it.
    static std::unique_ptr<Module> load(const void* image, std::string& reason);
    ~Module();
    const Kernel* find(const std::string& name) const;   // nullptr: no such entry point

    std::vector<Kernel> kernels;
    int architecture = 0;
    bool portable = false;

    struct Image;   // the loaded shared object
    std::unique_ptr<Image> image;
};

struct Extent { unsigned x = 1, y = 1, z = 1; };

// As the driver's codes; kernel.cpp asserts nothing about them, the caller only passes them on.
enum class Outcome { ok = 0, illegal_address = 700, misaligned_address = 716, launch_failure = 719 };

// Limits of the device (threads, shared bytes, grid) are the caller's to check before. `packed` holds each argument at its
// offset. Anything but ok: reports were made, and what the kernel wrote until then stays.
Outcome run_kernel(const Kernel& kernel, Extent grid, Extent block, size_t dynamic_shared_bytes, const unsigned char* packed);

// How many programs g++ compiled, how many came out of build/kernels, and the seconds of the former.
long long compiles();
long long compiles_reused();
double compile_seconds();

}

#pragma GCC visibility pop
