// See device_memory.h. Addresses are handed out upwards in a window that wraps around and grows when nothing fits, so a
// released address comes back late, and the pages that were ever touched stay few.
#include "device_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

#include "heap.h"

namespace emu
{
namespace
{

constexpr size_t Alignment = 256, Gap = 4096, FirstWindow = size_t(128) << 20;

uintptr_t reserve(size_t bytes)
{
    void* range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
    {
        fprintf(stderr, "emulated device: no address space for %zu bytes\n", bytes);
        abort();
    }
    return reinterpret_cast<uintptr_t>(range);
}

// Contents and cells of this much fit into the machine.
const size_t MachineBytes = std::min(HeapBytes / 4, size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE)) / 6);

std::mutex guard, report_guard;
std::map<uintptr_t, Allocation> live;
size_t window = FirstWindow, bytes_now, bytes_peak, allocations_total;
uintptr_t next_fit;
std::vector<std::string> found;

// The first hole of `bytes` between `from` and `to`, gaps on both sides; 0: none.
uintptr_t hole(uintptr_t from, uintptr_t to, size_t bytes)
{
    uintptr_t at = from + Gap;
    auto next = live.upper_bound(at);
    if (next != live.begin())
    {
        const Allocation& before = std::prev(next)->second;
        at = std::max(at, before.base + before.bytes + Gap);
    }
    for (;; ++next)
    {
        at = (at + Alignment - 1) / Alignment * Alignment;
        if (at + bytes + Gap > to) return 0;
        if (next == live.end() || at + bytes + Gap <= next->first) return at;
        at = next->first + next->second.bytes + Gap;
    }
}

void clear_cells(uintptr_t address, size_t bytes)
{
    constexpr size_t Large = size_t(1) << 20, Page = 4096;
    auto begin = reinterpret_cast<uintptr_t>(heap_cell(address)), end = reinterpret_cast<uintptr_t>(heap_cell(address + bytes - 1) + 1);
    uintptr_t first = (begin + Page - 1) / Page * Page, last = end / Page * Page;
    if (end - begin < Large) first = last = end;
    else madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);   // they read as zeros, and cost nothing
    memset(reinterpret_cast<void*>(begin), 0, first - begin);
    memset(reinterpret_cast<void*>(last), 0, end - last);
}

const Allocation* find_locked(uintptr_t address)
{
    auto next = live.upper_bound(address);
    if (next == live.begin()) return nullptr;
    const Allocation& before = std::prev(next)->second;
    return address - before.base < before.bytes ? &before : nullptr;
}

void not_whole(uintptr_t address)
{
    if (const Allocation* inside = find_locked(address)) live[inside->base].whole = false;
}

}

const uintptr_t heap_begin = reserve(HeapBytes);
Cell* const heap_cells = reinterpret_cast<Cell*>(reserve(HeapBytes / 2 * sizeof(Cell)));

uintptr_t allocate(size_t bytes)
{
    std::lock_guard<std::mutex> lock(guard);
    bytes = std::max<size_t>(bytes, 1);
    if (bytes_now + bytes > MachineBytes) return 0;
    if (next_fit == 0) next_fit = heap_begin;
    uintptr_t base = hole(next_fit, heap_begin + window, bytes);
    if (base == 0) base = hole(heap_begin, heap_begin + window, bytes);
    while (base == 0 && window < HeapBytes)
    {
        uintptr_t end = heap_begin + window;
        window *= 2;
        base = hole(end, heap_begin + window, bytes);
    }
    if (base == 0) return 0;
    next_fit = base + bytes;
    live[base] = {base, bytes, false};
    memset(reinterpret_cast<void*>(base), 0xFF, bytes);
    bytes_now += bytes;
    bytes_peak = std::max(bytes_peak, bytes_now);
    allocations_total++;
    return base;
}

bool release(uintptr_t base)
{
    std::lock_guard<std::mutex> lock(guard);
    auto entry = live.find(base);
    if (entry == live.end()) return false;
    size_t bytes = entry->second.bytes;
    memset(reinterpret_cast<void*>(base), 0xFF, bytes);
    clear_cells(base, bytes);
    bytes_now -= bytes;
    live.erase(entry);
    return true;
}

const Allocation* find(uintptr_t address)
{
    std::lock_guard<std::mutex> lock(guard);
    return find_locked(address);
}

size_t live_bytes() { std::lock_guard<std::mutex> lock(guard); return bytes_now; }
size_t peak_bytes() { std::lock_guard<std::mutex> lock(guard); return bytes_peak; }
size_t live_allocations() { std::lock_guard<std::mutex> lock(guard); return live.size(); }
size_t total_allocations() { std::lock_guard<std::mutex> lock(guard); return allocations_total; }
void reset_memory_counts()
{
    std::lock_guard<std::mutex> lock(guard);
    bytes_peak = bytes_now;
    allocations_total = 0;
}

bool check_range(const char* what, uintptr_t address, size_t bytes)
{
    if (bytes == 0) return true;
    char text[256];
    {
        std::lock_guard<std::mutex> lock(guard);
        const Allocation* inside = find_locked(address);
        if (inside && bytes <= inside->base + inside->bytes - address) return true;
        if (inside)
            snprintf(text, sizeof text, "%s: %zu bytes at %#zx leave their allocation of %zu bytes by %zu", what, bytes, size_t(address), inside->bytes,
                     size_t(address + bytes - inside->base - inside->bytes));
        else snprintf(text, sizeof text, "%s: %zu bytes at %#zx are in no live allocation", what, bytes, size_t(address));
    }
    report(text);
    return false;
}

void mark_written(uintptr_t address, size_t bytes)
{
    if (bytes > 0) std::fill(heap_cell(address), heap_cell(address + bytes - 1) + 1, Cell{CellWritten, 0});
}

void mark_unwritten(uintptr_t address, size_t bytes)
{
    if (bytes == 0) return;
    std::lock_guard<std::mutex> lock(guard);
    memset(reinterpret_cast<void*>(address), 0xFF, bytes);
    clear_cells(address, bytes);
    not_whole(address);
}

void mark_all_written(uintptr_t address)
{
    std::lock_guard<std::mutex> lock(guard);
    const Allocation* inside = find_locked(address);
    if (!inside || inside->whole) return;
    live[inside->base].whole = true;
    mark_written(inside->base, inside->bytes);
}

bool written(uintptr_t address, size_t bytes)
{
    if (bytes == 0) return true;
    return std::all_of(heap_cell(address), heap_cell(address + bytes - 1) + 1, [](const Cell& c) { return c.write >= CellWritten; });
}

void copy_state(uintptr_t destination, uintptr_t source, size_t bytes)
{
    std::lock_guard<std::mutex> lock(guard);
    not_whole(destination);
    for (size_t i = 0; i < bytes; i += 2 - ((destination + i) & 1))
        *heap_cell(destination + i) = {heap_cell(source + i)->write >= CellWritten ? CellWritten : 0, 0};
}

void forget_segments()
{
    std::lock_guard<std::mutex> lock(guard);
    for (const auto& [base, allocation] : live)
        for (Cell* c = heap_cell(base); c <= heap_cell(base + allocation.bytes - 1); c++)
            *c = {std::min(c->write, CellWritten), 0};
}

void report(std::string text)
{
    fprintf(stderr, "emulated device: %s\n", text.c_str());
    std::lock_guard<std::mutex> lock(report_guard);
    found.push_back(std::move(text));
}

std::vector<std::string> reports()
{
    std::lock_guard<std::mutex> lock(report_guard);
    return found;
}

void clear_reports()
{
    std::lock_guard<std::mutex> lock(report_guard);
    found.clear();
}

}
