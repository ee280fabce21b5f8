// Memory pools: what a device holds, uses and keeps. Room is reckoned at the calls, in segments that are given back as a whole; bytes that were
// freed but kept by a pool still count against the device. Addresses are never reused, so a stale one is found out.
#include <algorithm>
#include <cstdio>

#include "counts.h"
#include "device.h"
#include "faults.h"

namespace emu {
namespace {

// The segment that the bytes go to: the kept one that fits best, else a new one. -1: the device or the pool has no more.
long long find_room(Pool& pool, std::size_t bytes)
{
    auto best = pool.segments.end();
    for (auto one = pool.segments.begin(); one != pool.segments.end(); ++one)
        if (one->second.free >= bytes && (best == pool.segments.end() || one->second.free < best->second.free)) best = one;
    if (best != pool.segments.end()) return best->first;
    const bool full = bytes > device().memory || reserved_bytes() > device().memory - bytes;
    if (full || (pool.max_bytes && pool.reserved() + bytes > pool.max_bytes)) return -1;
    pool.segments[pool.next_segment] = {bytes, bytes};
    pool.reserved_high = std::max(pool.reserved_high, pool.reserved());
    return pool.next_segment++;
}

void count_allocation(Pool& pool, long long bytes)
{
    pool.used += bytes;
    pool.live += bytes > 0 ? 1 : -1;
    pool.used_high = std::max(pool.used_high, pool.used);
    counts.live_bytes += bytes;
    counts.live_allocations += bytes > 0 ? 1 : -1;
    counts.allocations += bytes > 0;
    counts.peak_bytes = std::max(counts.peak_bytes, counts.live_bytes);
}

void report_order(const Work& of, CUdeviceptr address, const char* what)
{
    char text[64];
    std::snprintf(text, sizeof text, " at 0x%llx ", static_cast<unsigned long long>(address));
    report(of.name + ": the memory" + text + what);
    device().context->sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
}

}  // namespace

std::size_t Pool::reserved() const
{
    std::size_t bytes = 0;
    for (const auto& [number, segment] : segments) bytes += segment.bytes;
    return bytes;
}

std::size_t reserved_bytes()
{
    std::size_t bytes = 0;
    for (const auto& [handle, pool] : device().context->pools) bytes += pool->reserved();
    return bytes;
}

void trim(Pool& pool, std::size_t keep)
{
    std::size_t reserved = pool.reserved();
    for (auto one = pool.segments.begin(); one != pool.segments.end() && reserved > keep;) {
        if (one->second.free < one->second.bytes || one->second.releasing > 0) {
            ++one;
            continue;
        }
        reserved -= one->second.bytes;
        one = pool.segments.erase(one);
    }
}

void trim_to_thresholds()
{
    for (const auto& [handle, pool] : device().context->pools) trim(*pool, pool->release_threshold);
}

PoolAllocation* find_allocation(CUdeviceptr address)
{
    std::map<CUdeviceptr, PoolAllocation>& all = device().context->allocations;
    auto after = all.upper_bound(address);
    if (after == all.begin()) return nullptr;
    --after;
    return address - after->first < after->second.bytes ? &after->second : nullptr;
}

void check_order(Stream& stream, const Work& work)
{
    for (const CUdeviceptr address : work.touched) {
        PoolAllocation* const allocation = find_allocation(address);
        if (!allocation) continue;
        if (!covers(stream.clock, allocation->stream, allocation->index))
            report_order(work, address, "was allocated on another stream, and nothing orders this use after that");
        if (work.kind == Work::RELEASE) {
            for (const auto& [other, index] : allocation->uses)
                if (!covers(stream.clock, other, index)) report_order(work, address, "is used on another stream that nothing orders before the release");
            continue;
        }
        if (allocation->freed) report_order(work, address, "was freed before this call");
        allocation->uses[stream.id] = stream.last_index;
    }
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuMemPoolCreate(CUmemoryPool* created, const CUmemPoolProps* properties)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!created || !properties || properties->allocType != CU_MEM_ALLOCATION_TYPE_PINNED || properties->handleTypes != 0 ||
        properties->location.type != CU_MEM_LOCATION_TYPE_DEVICE || properties->location.id != 0)
        return CUDA_ERROR_INVALID_VALUE;
    for (const unsigned char byte : properties->reserved)
        if (byte != 0) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Pool> pool = std::make_shared<Pool>();
    pool->max_bytes = properties->maxSize;
    call.context().pools.add(pool, created);
    return CUDA_SUCCESS;
}

// The real driver would put it off; somebody forgot to free something, so it is refused.
CUDA_EXPORT CUresult cuMemPoolDestroy(CUmemoryPool handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    const std::shared_ptr<Pool> pool = call.context().pools.find(handle);
    if (!pool || (pool->live > 0 && !call.refused)) return call.refused ? call.refused : CUDA_ERROR_INVALID_VALUE;
    call.context().pools.remove(handle);
    return call.refused;
}

CUDA_EXPORT CUresult cuMemPoolSetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void* value)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Pool> pool = call.context().pools.find(handle);
    if (!pool || !value) return CUDA_ERROR_INVALID_VALUE;
    const auto number = [value] { return *static_cast<std::uint64_t*>(value); };
    switch (attribute) {
    case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
    case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES: pool->reuse[attribute] = *static_cast<int*>(value); return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD: pool->release_threshold = number(); return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
        if (number() != 0) return CUDA_ERROR_INVALID_VALUE;
        pool->reserved_high = pool->reserved();
        return CUDA_SUCCESS;
    case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
        if (number() != 0) return CUDA_ERROR_INVALID_VALUE;
        pool->used_high = pool->used;
        return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;   // what is current can only be read
    }
}

CUDA_EXPORT CUresult cuMemPoolTrimTo(CUmemoryPool handle, std::size_t keep)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Pool> pool = call.context().pools.find(handle);
    if (!pool) return CUDA_ERROR_INVALID_VALUE;
    trim(*pool, keep);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuMemAllocFromPoolAsync(CUdeviceptr* address, std::size_t bytes, CUmemoryPool handle, CUstream stream_handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Pool> pool = call.context().pools.find(handle);
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (!address || !pool || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = refuse_in_capture(stream.get())) return refused;
    if (const CUresult failed = injected_fault(fault_allocation)) return failed;
    const long long segment = find_room(*pool, bytes);
    if (segment < 0) return CUDA_ERROR_OUT_OF_MEMORY;
    const CUdeviceptr base = allocate(bytes);
    if (base == 0) {
        trim(*pool, pool->used);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pool->segments[segment].free -= bytes;
    count_allocation(*pool, static_cast<long long>(bytes));
    const OperationPtr mark = enqueue(*stream, new_work(Work::MARK, "cuMemAllocFromPoolAsync"));
    PoolAllocation& made = call.context().allocations[base];
    made.pool = pool;
    made.segment = segment;
    made.stream = mark->stream;
    made.index = mark->index;
    made.bytes = bytes;
    *address = base;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream_handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    const auto found = call.context().allocations.find(address);
    if (found == call.context().allocations.end() || found->second.freed) return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = refuse_in_capture(stream.get())) return refused;
    PoolAllocation& allocation = found->second;
    allocation.freed = true;
    Segment& segment = allocation.pool->segments[allocation.segment];
    segment.free += allocation.bytes;
    segment.releasing++;
    count_allocation(*allocation.pool, -static_cast<long long>(allocation.bytes));
    const std::shared_ptr<Work> freeing = new_work(Work::RELEASE, "cuMemFreeAsync");
    freeing->touched = {address};
    freeing->held = allocation.bytes;
    freeing->run = [address, pool = allocation.pool, number = allocation.segment] {
        pool->segments[number].releasing--;
        release(address);
        device().context->allocations.erase(address);
        return CUDA_SUCCESS;
    };
    enqueue(*stream, freeing);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!free_bytes || !total) return CUDA_ERROR_INVALID_VALUE;
    const std::size_t reserved = reserved_bytes();
    *total = device().memory;
    *free_bytes = reserved < device().memory ? device().memory - reserved : 0;
    return CUDA_SUCCESS;
}
