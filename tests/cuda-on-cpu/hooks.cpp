// The accesses of compiled kernels: what g++ -fsanitize=thread,alignment calls, without the sanitizers' libraries.
// An access takes a few nanoseconds as long as there is nothing to say about it.
#include <cstddef>
#include <cstdint>

#include "device_memory.h"
#include "shadow.h"

namespace emu::shadow
{
namespace
{

// Global memory compares with the launch, shared memory with the block: it is nobody's before.
template <bool Shared> inline uint32_t first_segment() { return Shared ? state.block_first : state.launch_first; }

// Who has read a cell, now that the running thread does too. `r` is of this launch (shared: of this block).
inline uint32_t joined_readers(uint32_t r)
{
    uint32_t kind = r & Readers, me = state.me;
    if (kind == SeveralBlocks || r < state.block_first) return kind == SeveralBlocks ? r : me | SeveralBlocks;
    if (r < state.barrier) return me;
    if (kind == OneBlock) return r;
    uint32_t warp = thread_of(me) / 32;
    if (thread_of(r) / 32 != warp) return me | OneBlock;
    if (kind == OneReader) return ordered(r) ? me : me | OneWarp;
    return r < state.warp_barrier[warp] ? me : me | OneWarp;
}

// Whether the readers of a cell have all read before what the running thread does now.
inline bool readers_ordered(uint32_t r)
{
    uint32_t kind = r & Readers;
    if (kind == SeveralBlocks || r < state.block_first) return false;
    if (r < state.barrier) return true;
    if (kind == OneBlock) return false;
    if (kind == OneReader) return ordered(r);
    // Which lanes is not known: where only some lanes of a warp meet, one that met any since counts as ordered.
    uint32_t self = thread_of(state.me), warp = self / 32;
    if (thread_of(r) / 32 != warp) return false;
    return r < state.warp_barrier[warp] || (state.partial_masks && r < last_met(warp, self % 32, self % 32));
}

// In this block.
inline bool written_by_me(uint32_t w) { return w >= state.block_first && ((w ^ state.me) & state.thread_mask << 2) == 0; }

template <bool Shared> inline void read_cell(Cell& c, uintptr_t address, Place place)
{
    const uint32_t first = first_segment<Shared>(), w = c.write, r = c.read;
    if (w >= first)
    {
        if (!Shared && w < state.block_first) report_cell(Finding::read_after_write, address, c, place);
        else if (w >= state.barrier && !ordered(w)) report_cell(Finding::read_after_write, address, c, place);
    }
    else if (Shared || w < CellWritten)
    {
        report_cell(w == CellPending ? Finding::pending : Finding::unwritten, address, c, place);
        return;
    }
    if (r == state.me) return;
    uint32_t readers = r < first ? state.me : joined_readers(r);
    if (readers != r) c.read = readers;
}

template <bool Shared> inline void write_cell(Cell& c, uintptr_t address, Place place)
{
    const uint32_t first = first_segment<Shared>(), w = c.write, r = c.read;
    if (w >= first)
    {
        if (!Shared && w < state.block_first) report_cell(Finding::write_after_write, address, c, place);
        else if (w >= state.barrier && !ordered(w)) report_cell(Finding::write_after_write, address, c, place);
    }
    else if (Shared && w == CellPending) report_cell(Finding::pending, address, c, place);
    if (r >= first && r != state.me && !readers_ordered(r)) report_cell(Finding::write_after_read, address, c, place);
    c = {state.me, 0};
}

// The bytes of a pair may belong to two threads, which one cell cannot tell apart: single bytes are checked for having been
// written, not for order.
inline void read_byte(Cell& c, bool shared, uintptr_t address, Place place)
{
    if (shared ? c.write < state.block_first : c.write < CellWritten)
        report_cell(c.write == CellPending ? Finding::pending : Finding::unwritten, address, c, place);
}

__attribute__((noinline)) void check_allocation(const char* access, uintptr_t address, size_t bytes, Place place)
{
    const Allocation* inside = find(address);
    if (!inside || bytes > inside->base + inside->bytes - address) report_illegal(access, address, bytes, place);
    state.allocation = inside->base;
    state.allocation_bytes = inside->bytes;
}

inline void need_allocation(const char* access, uintptr_t address, size_t bytes, Place place)
{
    if (address - state.allocation >= state.allocation_bytes || bytes > state.allocation_bytes - (address - state.allocation))
        check_allocation(access, address, bytes, place);
}

// Neither global nor shared: a thread's own variables and the constants of its program are fine.
__attribute__((noinline)) void elsewhere(const char* access, uintptr_t address, size_t bytes, Place place)
{
    const Module::Image& image = *launch.image;
    bool shared_room = address >= image.shared && address < image.dynamic + image.dynamic_room;
    if (shared_room || address < image.begin || address >= image.end) report_illegal(access, address, bytes, place);
}

template <bool Write> inline void access(uintptr_t address, size_t bytes, Place place)
{
    constexpr const char* name = Write ? "write" : "read";
    if (in_heap(address))
    {
        Cell *c = heap_cell(address), *last = heap_cell(address + bytes - 1);
        // A cell that was ever written lies in an allocation; one that was not may lie in none.
        if (c->write < CellWritten || last->write < CellWritten) need_allocation(name, address, bytes, place);
        if (bytes == 1) return Write ? void(c->write = c->write < state.launch_first ? CellWritten : c->write) : read_byte(*c, false, address, place);
        for (; c <= last; c++)
            if (Write) write_cell<false>(*c, address, place);
            else read_cell<false>(*c, address, place);
    }
    else if (in_shared(address))
    {
        if (bytes > state.shared_bytes - (address - state.shared)) report_illegal(name, address, bytes, place);
        Cell *c = shared_cell(address), *last = shared_cell(address + bytes - 1);
        if (bytes == 1) return Write ? void(c->write = state.me) : read_byte(*c, true, address, place);
        for (; c <= last; c++)
            if (Write) write_cell<true>(*c, address, place);
            else read_cell<true>(*c, address, place);
    }
    else if (address - state.private_begin >= state.private_bytes) elsewhere(name, address, bytes, place);
}

// The same for a whole access of an even address, where there is nothing to report; otherwise false, and perhaps half done,
// which the long way does again. Most accesses end here.
template <bool Shared> inline bool read_quickly(Cell& c)
{
    const uint32_t first = first_segment<Shared>(), w = c.write, r = c.read;
    const bool before = Shared ? w >= first && w < state.barrier : w >= CellWritten && w < first;
    if (!before && !written_by_me(w)) return false;
    const uint32_t me = state.me, other = r ^ me, kind = r & Readers;
    if (other == 0) return true;
    if (r < first) c.read = me;
    else if (kind == SeveralBlocks) return true;
    else if (!Shared && r < state.block_first) c.read = me | SeveralBlocks;
    else if (r < state.barrier) c.read = me;
    else if (kind == OneBlock) return true;
    else if (other & state.warp_bits) c.read = me | OneBlock;
    else if (other & ~state.lane_bits) return false;
    else if (kind == OneReader) c.read = me | OneWarp;   // another lane, and nothing happened in between
    return true;
}

template <bool Shared> inline bool write_quickly(Cell& c, bool allocated)
{
    const uint32_t first = first_segment<Shared>(), w = c.write, r = c.read;
    const bool before = Shared ? w != CellPending && w < state.barrier : (w >= CellWritten || allocated) && w < first;
    if (!before && !written_by_me(w)) return false;
    if (r >= first && r != state.me && !(r >= state.block_first && r < state.barrier)) return false;
    c = {state.me, 0};
    return true;
}

template <bool Write, bool Shared, unsigned Bytes> inline bool quickly(Cell* c, uintptr_t address)
{
    const bool allocated = Write && !Shared && address - state.allocation < state.allocation_bytes && address - state.allocation + Bytes <= state.allocation_bytes;
    for (unsigned i = 0; i < Bytes / 2; i++)
        if (!(Write ? write_quickly<Shared>(c[i], allocated) : read_quickly<Shared>(c[i]))) return false;
    return true;
}

__attribute__((noinline)) void read_from(uintptr_t address, size_t bytes, const void* pc) { access<false>(address, bytes, {pc, {}}); }
__attribute__((noinline)) void write_from(uintptr_t address, size_t bytes, const void* pc) { access<true>(address, bytes, {pc, {}}); }

template <bool Write, unsigned Bytes> inline void hook(uintptr_t address, const void* pc)
{
    if (Bytes > 1 && (address & 1) == 0)
    {
        if (in_heap(address))
        {
            if (quickly<Write, false, Bytes>(heap_cell(address), address)) return;
        }
        else if (address - state.shared + Bytes <= state.shared_bytes && in_shared(address))
        {
            if (quickly<Write, true, Bytes>(shared_cell(address), address)) return;
        }
        else if (address - state.private_begin < state.private_bytes) return;
    }
    Write ? write_from(address, Bytes, pc) : read_from(address, Bytes, pc);
}

// What -fsanitize=alignment passes.
struct TypeDescriptor { uint16_t kind, info; char name[1]; };
struct TypeMismatch
{
    const char* file;
    uint32_t line, column;
    const TypeDescriptor* type;
    unsigned char log_alignment, check_kind;
};

}

void read(uintptr_t address, size_t bytes, Place place) { access<false>(address, bytes, place); }
void write(uintptr_t address, size_t bytes, Place place) { access<true>(address, bytes, place); }

}

using namespace emu::shadow;

#define HOOK extern "C" __attribute__((visibility("default"))) void
#define ACCESS(prefix, bytes) \
    HOOK __tsan_##prefix##read##bytes(uintptr_t address) { hook<false, bytes>(address, __builtin_return_address(0)); } \
    HOOK __tsan_##prefix##write##bytes(uintptr_t address) { hook<true, bytes>(address, __builtin_return_address(0)); }

ACCESS(, 1) ACCESS(, 2) ACCESS(, 4) ACCESS(, 8) ACCESS(, 16)
ACCESS(unaligned_, 2) ACCESS(unaligned_, 4) ACCESS(unaligned_, 8) ACCESS(unaligned_, 16)

HOOK __tsan_read_range(uintptr_t address, size_t bytes) { if (bytes > 0) read_from(address, bytes, __builtin_return_address(0)); }
HOOK __tsan_write_range(uintptr_t address, size_t bytes) { if (bytes > 0) write_from(address, bytes, __builtin_return_address(0)); }
HOOK __tsan_init() {}

HOOK __ubsan_handle_type_mismatch_v1(const TypeMismatch* data, uintptr_t address)
{
    const char* name = data->type->name;
    report_misaligned(name, address, size_t(1) << data->log_alignment, {nullptr, {data->file, int(data->line)}});
}
