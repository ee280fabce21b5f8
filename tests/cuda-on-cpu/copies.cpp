// Copies, fills and pinned host memory. The destination of a copy to the host is poison from the call until the copy ran. Pageable memory is
// read at the call, pinned memory when the copy runs (in a graph and in hostile schedules both are read then).
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "counts.h"
#include "device.h"
#include "faults.h"

namespace emu {
namespace {

constexpr int POISON = 0xff;

void* bytes_at(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

// A range of device memory as the driver checks it at the call: it has to begin in some allocation and end in the same.
bool known_range(const char* what, CUdeviceptr address, std::size_t bytes)
{
    const PoolAllocation* const allocation = find_allocation(address);
    return allocation && (allocation->freed || check_range(what, address, bytes));
}

// What every copy begins with. `code` is the call's answer where it returns null.
std::shared_ptr<Stream> begin_copy(const Call& call, CUstream handle, CUresult& code)
{
    code = call.refused;
    if (code) return nullptr;
    std::shared_ptr<Stream> stream = find_stream(handle);
    code = stream ? injected_fault(fault_copy) : CUDA_ERROR_INVALID_HANDLE;
    return code ? nullptr : stream;
}

}  // namespace

bool is_pinned(const void* address, std::size_t bytes)
{
    const std::map<std::uintptr_t, std::size_t>& all = device().context->host_memory;
    const std::uintptr_t number = reinterpret_cast<std::uintptr_t>(address);
    const auto after = all.upper_bound(number);
    if (after == all.begin()) return false;
    const auto& [base, length] = *std::prev(after);
    return number - base <= length && bytes <= length - (number - base);
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuMemHostAlloc(void** address, std::size_t bytes, unsigned flags)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!address || bytes == 0 || flags > (CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED))
        return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = refuse_in_capture(nullptr)) return refused;
    if (const CUresult failed = injected_fault(fault_allocation)) return failed;
    constexpr std::size_t page = 4096;
    void* const made = std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
    std::memset(made, POISON, bytes);
    call.context().host_memory[reinterpret_cast<std::uintptr_t>(made)] = bytes;
    *address = made;
    return CUDA_SUCCESS;
}

// Waits for everything that may still use the memory, like the real one.
CUDA_EXPORT CUresult cuMemFreeHost(void* address)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    Context& context = call.context();
    const auto found = context.host_memory.find(reinterpret_cast<std::uintptr_t>(address));
    if (found == context.host_memory.end()) return call.refused ? call.refused : CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = refuse_in_capture(nullptr)) return refused;
    for (const auto& [id, stream] : context.queues) complete(*stream);
    context.host_memory.erase(found);
    std::free(address);
    return context.sticky;
}

CUDA_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr destination, const void* source, std::size_t bytes, CUstream handle)
{
    const Call call;
    CUresult code;
    const std::shared_ptr<Stream> stream = begin_copy(call, handle, code);
    if (!stream) return code;
    if (bytes == 0) return CUDA_SUCCESS;
    if (!source || !known_range("cuMemcpyHtoDAsync", destination, bytes)) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Work> copy = new_work(Work::COMPUTE, "cuMemcpyHtoDAsync");
    std::shared_ptr<std::vector<unsigned char>> taken;
    if (!stream->capture && !is_pinned(source, bytes) && !reads_pageable_late()) {
        const unsigned char* const first = static_cast<const unsigned char*>(source);
        taken = std::make_shared<std::vector<unsigned char>>(first, first + bytes);
        copy->held = bytes;
    }
    copy->touched = {destination};
    copy->put = [] { counts.copies_to_device++; };
    copy->run = [=] {
        if (!check_range("cuMemcpyHtoDAsync", destination, bytes)) return CUDA_ERROR_ILLEGAL_ADDRESS;
        std::memcpy(bytes_at(destination), taken ? taken->data() : source, bytes);
        mark_written(destination, bytes);
        return CUDA_SUCCESS;
    };
    return submit(*stream, copy);
}

CUDA_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* destination, CUdeviceptr source, std::size_t bytes, CUstream handle)
{
    const Call call;
    CUresult code;
    const std::shared_ptr<Stream> stream = begin_copy(call, handle, code);
    if (!stream) return code;
    if (bytes == 0) return CUDA_SUCCESS;
    if (!destination || !known_range("cuMemcpyDtoHAsync", source, bytes)) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Work> copy = new_work(Work::COMPUTE, "cuMemcpyDtoHAsync");
    copy->touched = {source};
    copy->put = [=] {
        counts.copies_to_host++;
        counts.bytes_to_host += static_cast<long long>(bytes);
        std::memset(destination, POISON, bytes);
    };
    copy->run = [=] {
        if (!check_range("cuMemcpyDtoHAsync", source, bytes)) return CUDA_ERROR_ILLEGAL_ADDRESS;
        std::memcpy(destination, bytes_at(source), bytes);
        return CUDA_SUCCESS;
    };
    return submit(*stream, copy);
}

CUDA_EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, std::size_t bytes, CUstream handle)
{
    const Call call;
    CUresult code;
    const std::shared_ptr<Stream> stream = begin_copy(call, handle, code);
    if (!stream) return code;
    if (bytes == 0) return CUDA_SUCCESS;
    if (!known_range("cuMemcpyDtoDAsync", destination, bytes) || !known_range("cuMemcpyDtoDAsync", source, bytes)) return CUDA_ERROR_INVALID_VALUE;
    if (destination < source + bytes && source < destination + bytes) return CUDA_ERROR_INVALID_VALUE;   // undefined for the real one
    const std::shared_ptr<Work> copy = new_work(Work::COMPUTE, "cuMemcpyDtoDAsync");
    copy->touched = {destination, source};
    copy->run = [=] {
        if (!check_range("cuMemcpyDtoDAsync", destination, bytes) || !check_range("cuMemcpyDtoDAsync", source, bytes)) return CUDA_ERROR_ILLEGAL_ADDRESS;
        std::memcpy(bytes_at(destination), bytes_at(source), bytes);
        copy_state(destination, source, bytes);
        return CUDA_SUCCESS;
    };
    return submit(*stream, copy);
}

CUDA_EXPORT CUresult cuMemsetD32Async(CUdeviceptr destination, unsigned value, std::size_t count, CUstream handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Stream> stream = find_stream(handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (count == 0) return CUDA_SUCCESS;
    const std::size_t bytes = 4 * count;
    if (destination % 4 != 0 || !known_range("cuMemsetD32Async", destination, bytes)) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Work> fill = new_work(Work::COMPUTE, "cuMemsetD32Async");
    fill->touched = {destination};
    fill->run = [=] {
        if (!check_range("cuMemsetD32Async", destination, bytes)) return CUDA_ERROR_ILLEGAL_ADDRESS;
        std::fill_n(static_cast<unsigned*>(bytes_at(destination)), count, value);
        mark_written(destination, bytes);
        return CUDA_SUCCESS;
    };
    return submit(*stream, fill);
}
