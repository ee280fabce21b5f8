// A launch: its blocks one after another, shared memory poisoned before each.
#include <algorithm>
#include <cstring>
#include <mutex>

#include "async_copy.h"
#include "block.h"
#include "device_memory.h"
#include "fibers.h"
#include "shadow.h"

namespace emu
{

Settings settings;
void reset_settings() { settings = Settings(); }

namespace
{

// Without hooks nobody sees what a kernel writes: all that it got a pointer to counts as written.
void mark_arguments_written(const Kernel& kernel, const unsigned char* packed)
{
    for (const Argument& argument : kernel.arguments)
        for (size_t at = 0; at + sizeof(uintptr_t) <= argument.bytes; at += sizeof(uintptr_t))
        {
            uintptr_t value;
            memcpy(&value, packed + argument.offset + at, sizeof value);
            mark_all_written(value);
        }
}

}

Outcome run_kernel(const Kernel& kernel, Extent grid, Extent block, size_t dynamic_shared_bytes, const unsigned char* packed)
{
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    const Module::Image& image = *kernel.module->image;
    launch = Launch();
    launch.kernel = &kernel;
    launch.image = &image;
    launch.grid = grid;
    launch.block = block;
    launch.threads = block.x * block.y * block.z;
    launch.dynamic_shared = std::min(dynamic_shared_bytes, image.dynamic_room);   // what a kernel has no name for it cannot touch
    // Threads read their arguments where accesses are not watched.
    unsigned char* arguments = private_room() + PrivateRoomBytes - (64 << 10);
    memcpy(arguments, packed, kernel.packed_bytes);
    launch.packed = arguments;
    shadow::begin_launch();
    if (!image.instrumented) mark_arguments_written(kernel, packed);
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++)
            {
                launch.block_x = x, launch.block_y = y, launch.block_z = z;
                memset(reinterpret_cast<void*>(image.shared), 0xFF, image.static_shared);
                memset(reinterpret_cast<void*>(image.dynamic), 0xFF, launch.dynamic_shared);
                shadow::begin_block();
                const bool complete = run_block();
                forget_copies();
                if (!complete) return launch.outcome;
            }
    return launch.outcome;
}

}
