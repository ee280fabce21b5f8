// See fibers.h. 1,024 stacks of 256 KB, each with a page below it that no one may touch; pages come as they are used.
#include "fibers.h"

#include <boost/context/detail/fcontext.hpp>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace emu
{
namespace
{

using namespace boost::context::detail;

constexpr size_t StackBytes = 256 << 10, RoomBytes = PrivateRoomBytes, Page = 4096;
constexpr int Stacks = 1024;

uintptr_t reserve()
{
    void* range = mmap(nullptr, StackBytes * Stacks + RoomBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
    {
        fprintf(stderr, "emulated device: no address space for stacks\n");
        abort();
    }
    return reinterpret_cast<uintptr_t>(range);
}

const uintptr_t range = reserve();
void** leaving;               // where the context of whoever switched last is kept
void (*beginning)();

void first_step(transfer_t from)
{
    *leaving = from.fctx;
    beginning();
}

void* new_context(int number)
{
    uintptr_t low = range + RoomBytes + StackBytes * number;
    mprotect(reinterpret_cast<void*>(low), Page, PROT_NONE);
    // Tops at different distances from a page's beginning: at equal ones all stacks would share a few sets of the cache.
    uintptr_t top = low + StackBytes - (number % 61) * 64;
    return make_fcontext(reinterpret_cast<void*>(top), top - low - Page, first_step);
}

}

PrivateRange private_range() { return {range, RoomBytes + StackBytes * Stacks}; }
unsigned char* private_room() { return reinterpret_cast<unsigned char*>(range); }

void switch_fiber(Fiber& from, Fiber& to, void (*main)())
{
    if (!to.context)
    {
        to.context = new_context(to.number);
        beginning = main;
    }
    leaving = &from.context;
    transfer_t back = jump_fcontext(to.context, nullptr);
    *leaving = back.fctx;
}

}
