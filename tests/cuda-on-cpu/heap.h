// The one range of addresses that device memory comes from, and the shadow cells beside it: a cell for each two bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emu
{

// When a pair of bytes was last written and read, in the segments of shadow.cpp. All zero: never written, or not allocated.
struct Cell { uint32_t write, read; };

constexpr uint32_t CellPending = 1;   // write: a cp.async is under way to it
constexpr uint32_t CellWritten = 2;   // write: before any launch that matters
constexpr uint32_t FirstSegment = 3;  // from here on they are segments

constexpr size_t HeapBytes = size_t(1) << 38;
extern const uintptr_t heap_begin;
extern Cell* const heap_cells;

inline bool in_heap(uintptr_t address) { return address - heap_begin < HeapBytes; }
inline Cell* heap_cell(uintptr_t address) { return heap_cells + (address - heap_begin) / 2; }

// Keeps what is written, and forgets when and by whom.
void forget_segments();

}
