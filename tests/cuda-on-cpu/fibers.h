// Fibers: stacks to run functions on, and switches between them. Boost.Context's own assembler is used without its classes:
// a launch that is stopped leaves its fibers where they stand, and a class would unwind them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emu
{

struct Fiber
{
    void* context = nullptr;   // where to go on; nullptr: at the beginning
    int number = 0;
};

// All stacks, and room for what else belongs to no one but the runtime, lie in one range of addresses.
struct PrivateRange { uintptr_t begin = 0; size_t bytes = 0; };
constexpr size_t PrivateRoomBytes = 4 << 20;
PrivateRange private_range();
unsigned char* private_room();   // PrivateRoomBytes of it

// Goes on with `to`, which calls `main` if it is at its beginning; returns when something switches to `from`.
void switch_fiber(Fiber& from, Fiber& to, void (*main)());


}
