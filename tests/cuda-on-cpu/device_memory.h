// The memory of the emulated device: what is allocated where, and which of it was ever written.
// Every allocation has gaps on both sides and begins as 0xFF bytes (NaN in each float type), "never written".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Visible outside the library for self_test.cpp alone.
#pragma GCC visibility push(default)

namespace emu
{

struct Allocation
{
    uintptr_t base = 0;
    size_t bytes = 0;
    bool whole = false;   // all of it was marked as written, and nothing of it as unwritten since
};

// 256-byte aligned address of `bytes` bytes (0 is taken as 1), or 0 where the machine itself has no more.
// The limit of the emulated device is the caller's to keep.
uintptr_t allocate(size_t bytes);

// The contents are gone at once; the address is not handed out again for a long time. False: no allocation begins there.
bool release(uintptr_t base);

// The live allocation that the address lies in, or nullptr. The pointer holds until the next allocate or release.
const Allocation* find(uintptr_t address);

size_t live_bytes();
size_t peak_bytes();
size_t live_allocations();
size_t total_allocations();
void reset_memory_counts();   // the peak is what is live now, the total is zero

// Whether [address, address + bytes) lies inside one live allocation; if not, reports it as the doing of `what`. No bytes: true.
bool check_range(const char* what, uintptr_t address, size_t bytes);

// Written state, by pairs of bytes: who touches one byte touches its neighbour too. The range must lie inside an allocation.
void mark_written(uintptr_t address, size_t bytes);
void mark_unwritten(uintptr_t address, size_t bytes);   // and fills it with 0xFF
bool written(uintptr_t address, size_t bytes);          // all of it
void mark_all_written(uintptr_t address);               // the allocation that the address lies in, if there is one; cheap when repeated
void copy_state(uintptr_t destination, uintptr_t source, size_t bytes);   // the state only, not the contents; ranges do not overlap

// What the device found wrong, since the last clear_reports; also printed to stderr. Safe from several threads.
void report(std::string text);
std::vector<std::string> reports();
void clear_reports();

}

#pragma GCC visibility pop
