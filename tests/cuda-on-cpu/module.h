// What a loaded kernel object occupies, for the launch and for the access checks.
#pragma once

#include <cstdint>
#include <string>

#include "entry.h"
#include "kernel.h"

namespace emu
{

struct Module::Image
{
    void* handle = nullptr;       // the loader's
    std::string path;
    bool instrumented = false;    // has access hooks
    uintptr_t base = 0;           // what addresses are relative to in the file
    uintptr_t begin = 0, end = 0; // all that is mapped of it
    uintptr_t shared = 0;         // static shared arrays ...
    size_t static_shared = 0;
    uintptr_t dynamic = 0;        // ... then the dynamic one, with room for the most that any device has
    size_t dynamic_room = 0;

    ~Image();
};

}
