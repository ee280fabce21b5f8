// Streams and events: what a caller sees of the queues in schedule.cpp.
#include <algorithm>

#include "device.h"

namespace emu {
namespace {

CUresult synchronized(Context& context, const Clock& seen)
{
    host_saw(seen);
    if (context.sticky == CUDA_SUCCESS) trim_to_thresholds();
    return context.sticky;
}

// What every look of the host at an event has to pass; the event where it does.
CUresult look_at(Context& context, CUevent handle, std::shared_ptr<Event>& event)
{
    event = context.events.find(handle);
    if (!event) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture) return CUDA_ERROR_CAPTURED_EVENT;
    return refuse_in_capture(nullptr);
}

}  // namespace

std::shared_ptr<Stream> new_stream(Context& context, unsigned flags)
{
    static long long last_id = 0;   // never one twice, or an old clock would speak of a new stream
    const std::shared_ptr<Stream> stream = std::make_shared<Stream>();
    stream->id = ++last_id;
    stream->blocking = flags == CU_STREAM_DEFAULT;
    context.queues[stream->id] = stream;
    return stream;
}

std::shared_ptr<Stream> find_stream(CUstream handle)
{
    constexpr std::uintptr_t CU_STREAM_LEGACY = 1;
    const std::uintptr_t number = reinterpret_cast<std::uintptr_t>(handle);
    Context& context = *device().context;
    return number == 0 || number == CU_STREAM_LEGACY ? context.legacy : context.streams.find(handle);
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuStreamCreate(CUstream* created, unsigned flags)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!created || flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    call.context().streams.add(new_stream(call.context(), flags), created);
    return CUDA_SUCCESS;
}

// What is pending on it runs now: nobody could wait for it any more.
CUDA_EXPORT CUresult cuStreamDestroy_v2(CUstream handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    Context& context = call.context();
    const std::shared_ptr<Stream> stream = context.streams.remove(handle);
    if (!stream) return call.refused ? call.refused : CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture) end_capture(*stream);
    complete(*stream);
    context.queues.erase(stream->id);
    return call.refused;
}

CUDA_EXPORT CUresult cuStreamSynchronize(CUstream handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Stream> stream = find_stream(handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (const CUresult refused = refuse_in_capture(stream.get())) return refused;
    complete(*stream);
    return synchronized(call.context(), stream->clock);
}

CUDA_EXPORT CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned flags)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Stream> stream = find_stream(handle);
    const std::shared_ptr<Event> event = call.context().events.find(event_handle);
    if (!stream || !event) return CUDA_ERROR_INVALID_HANDLE;
    if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture && stream->capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (stream->capture != event->capture) {   // captures of several streams are not emulated: each wait across the border is refused
        if (!stream->capture && event->capture->ended) return CUDA_ERROR_INVALID_VALUE;
        (stream->capture ? stream->capture : event->capture)->invalidated = true;
        return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    if (stream->capture || !event->record) return CUDA_SUCCESS;
    if (!event->record->done && event->record->stream != stream->id) stream->waits.push_back(event->record);
    merge(stream->clock, event->clock);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuEventCreate(CUevent* created, unsigned flags)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!created || flags > (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Event> event = std::make_shared<Event>();
    event->flags = flags;
    call.context().events.add(event, created);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuEventDestroy_v2(CUevent handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    const bool known = call.context().events.remove(handle) != nullptr;
    return call.refused ? call.refused : known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUDA_EXPORT CUresult cuEventRecord(CUevent handle, CUstream stream_handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Event> event = call.context().events.find(handle);
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!event || !stream) return CUDA_ERROR_INVALID_HANDLE;
    event->capture = stream->capture;
    event->queries = 0;
    if (stream->capture) {
        event->record = nullptr;
        return stream->capture->invalidated ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
    }
    event->record = enqueue(*stream, new_work(Work::MARK, "cuEventRecord"));
    event->clock = stream->clock;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuEventSynchronize(CUevent handle)
{
    const Call call;
    if (call.refused) return call.refused;
    std::shared_ptr<Event> event;
    if (const CUresult refused = look_at(call.context(), handle, event)) return refused;
    if (!event->record) return CUDA_SUCCESS;
    complete(event->record);
    return synchronized(call.context(), event->clock);
}

CUDA_EXPORT CUresult cuEventQuery(CUevent handle)
{
    const Call call;
    if (call.refused) return call.refused;
    std::shared_ptr<Event> event;
    if (const CUresult refused = look_at(call.context(), handle, event)) return refused;
    if (!event->record) return CUDA_SUCCESS;
    if (!query_finishes(*event)) return CUDA_ERROR_NOT_READY;
    complete(event->record);
    host_saw(event->clock);
    return call.context().sticky;
}

CUDA_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start_handle, CUevent end_handle)
{
    const Call call;
    if (call.refused) return call.refused;
    if (!milliseconds) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<Event> start = call.context().events.find(start_handle), end = call.context().events.find(end_handle);
    for (const std::shared_ptr<Event>& event : {start, end})
        if (!event || (event->flags & CU_EVENT_DISABLE_TIMING) || !event->record) return CUDA_ERROR_INVALID_HANDLE;
    if (!start->record->done || !end->record->done) return CUDA_ERROR_NOT_READY;
    *milliseconds = static_cast<float>((end->record->finished - start->record->finished) * 1e3);
    return CUDA_SUCCESS;
}
