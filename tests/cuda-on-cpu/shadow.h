// Watches the accesses of a launch. Compiled kernels call its hooks (hooks.cpp); the scheduler tells it what orders them.
//
// A segment is a number that says who and when: stamp << shift | thread << 2. The stamp grows with each barrier and exchange of
// the launch, and from launch to launch, so which launch, block and barrier interval a segment belongs to follows from comparing.
// The last two bits are used by Cell::read alone: how many readers it stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "block.h"
#include "heap.h"

namespace emu::shadow
{

constexpr uint32_t Readers = 3, OneReader = 0, OneWarp = 1, OneBlock = 2, SeveralBlocks = 3;

struct State
{
    uint32_t me = 0;              // segment of the thread that runs
    uint32_t launch_first = 0;    // the first segment of this launch,
    uint32_t block_first = 0;     // of this block,
    uint32_t barrier = 0;         // and since its last barrier
    uint32_t now = 0;             // the stamp, shifted
    uint32_t shift = 2, thread_mask = 0;
    uint32_t lane_bits = 0, warp_bits = 0;   // of a segment: lane and kind of reader; warp
    uintptr_t shared = 0;         // the arrays that the block may touch
    size_t shared_bytes = 0;
    Cell* shared_cells = nullptr;
    uintptr_t allocation = 0;     // the one that was written last
    size_t allocation_bytes = 0;
    uintptr_t private_begin = 0;
    size_t private_bytes = 0;
    uint32_t warp_barrier[32] = {};      // when all lanes of the warp met
    bool partial_masks = false;          // whether `met` holds anything
};
extern State state;

inline uint32_t thread_of(uint32_t segment) { return segment >> 2 & state.thread_mask; }
inline bool in_shared(uintptr_t address) { return address - state.shared < state.shared_bytes; }
inline Cell* shared_cell(uintptr_t address) { return state.shared_cells + (address - state.shared) / 2; }

// When these two lanes of a warp last met in an exchange of only some lanes.
uint32_t last_met(uint32_t warp, uint32_t lane, uint32_t other);

// Whether what happened in a segment of this block comes before what the running thread does now.
inline bool ordered(uint32_t segment)
{
    if (segment < state.barrier) return true;
    uint32_t self = thread_of(state.me), other = thread_of(segment);
    if (self == other) return true;
    if (self / 32 != other / 32) return false;
    return segment < state.warp_barrier[self / 32] || (state.partial_masks && segment < last_met(self / 32, self % 32, other % 32));
}

void begin_launch();
void begin_block();
void become(unsigned thread);                    // accesses are this thread's from now on
void block_barrier();                            // all threads' accesses until now come before all later ones
void warp_barrier(unsigned warp, unsigned mask); // these lanes' until now before these lanes' later ones

// Where in the kernel's source something happened: the hook's return address, or a site that the call brought along.
struct Place
{
    const void* pc = nullptr;
    Site site;
};

// Checks and notes an access of the running thread. False: it must not happen, and the launch is over (never seen by the caller).
void read(uintptr_t address, size_t bytes, Place place);
void write(uintptr_t address, size_t bytes, Place place);

// Findings (findings.cpp). Each is reported once a launch for the place it happened at.
enum class Finding { write_after_write, write_after_read, read_after_write, unwritten, pending };
void report_cell(Finding finding, uintptr_t address, const Cell& cell, Place place);
[[noreturn]] void report_illegal(const char* access, uintptr_t address, size_t bytes, Place place);
[[noreturn]] void report_misaligned(const std::string& type, uintptr_t address, size_t alignment, Place place);
void forget_findings();

// The block of this launch that a segment belongs to, in order of running.
size_t block_of(uint32_t segment);

}
