// What orders accesses: see shadow.h.
#include "shadow.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "fibers.h"

namespace emu::shadow
{

State state;

namespace
{

constexpr uint32_t LastNow = 0xF0000000;

std::vector<Cell> cells;                // of shared memory
std::vector<uint32_t> block_firsts;     // of this launch's blocks
uint32_t met[32][32][32];               // warp, lane, other lane

void forget_meetings()
{
    memset(state.warp_barrier, 0, sizeof state.warp_barrier);
    if (state.partial_masks) memset(met, 0, sizeof met);
    state.partial_masks = false;
}

// Segments are used up: all that happened becomes "before", which loses only what blocks of this launch could still be told.
void begin_anew()
{
    forget_segments();
    uint32_t first = 1u << state.shift;
    for (Cell& c : cells) c = {c.write >= state.block_first ? first : c.write == CellPending ? CellPending : 0, 0};
    state.launch_first = state.block_first = state.now = first;
    state.barrier = first + (1u << state.shift);
    block_firsts.assign(1, first);
    forget_meetings();
}

void advance()
{
    if (state.now >= LastNow) begin_anew();
    state.now += 1u << state.shift;
}

}

uint32_t last_met(uint32_t warp, uint32_t lane, uint32_t other) { return met[warp][lane][other]; }

void begin_launch()
{
    uint32_t last = state.now + ((1u << state.shift) - 1);
    uint32_t bits = 0;
    while (1u << bits < launch.threads) bits++;
    state.shift = bits + 2;
    state.thread_mask = (1u << bits) - 1;
    state.lane_bits = (state.thread_mask & 31) << 2 | Readers;
    state.warp_bits = state.thread_mask << 2 & ~state.lane_bits;
    state.now = ((last >> state.shift) + 1) << state.shift;
    if (state.now < last) state.now = LastNow;
    state.launch_first = state.block_first = state.now;
    block_firsts.clear();
    forget_findings();

    const Module::Image& image = *launch.image;
    state.shared = image.shared;
    state.shared_bytes = launch.dynamic_shared > 0 ? image.dynamic - image.shared + launch.dynamic_shared : image.static_shared;
    // What is left in the cells is older than this launch's first block: never written.
    if (cells.size() < state.shared_bytes / 2 + 16) cells.resize(state.shared_bytes / 2 + 16);
    state.shared_cells = cells.data();
    state.allocation_bytes = 0;
    state.private_begin = private_range().begin;
    state.private_bytes = private_range().bytes;
}

void begin_block()
{
    advance();
    state.block_first = state.barrier = state.now;
    block_firsts.push_back(state.now);
    forget_meetings();
}

void become(unsigned thread) { state.me = state.now | thread << 2; }

void block_barrier()
{
    advance();
    state.barrier = state.now;
}

void warp_barrier(unsigned warp, unsigned mask)
{
    advance();
    if (mask == 0xFFFFFFFF)
    {
        state.warp_barrier[warp] = state.now;
        return;
    }
    // What one of them has come after, all of them have now.
    state.partial_masks = true;
    uint32_t joined[32] = {};
    for (unsigned lane = 0; lane < 32; lane++)
        if (mask >> lane & 1)
            for (unsigned other = 0; other < 32; other++) joined[other] = std::max(joined[other], met[warp][lane][other]);
    for (unsigned lane = 0; lane < 32; lane++)
        if (mask >> lane & 1) joined[lane] = state.now;
    for (unsigned lane = 0; lane < 32; lane++)
        if (mask >> lane & 1) memcpy(met[warp][lane], joined, sizeof joined);
}

size_t block_of(uint32_t segment)
{
    auto after = std::upper_bound(block_firsts.begin(), block_firsts.end(), segment);
    return after == block_firsts.begin() ? 0 : static_cast<size_t>(after - block_firsts.begin()) - 1;
}

}
