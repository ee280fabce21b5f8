// Stream capture and graphs. One stream a capture: work is kept instead of queued, and a graph plays it in its order.
#include <algorithm>
#include <functional>
#include <thread>

#include "counts.h"
#include "device.h"
#include "faults.h"

namespace emu {
namespace {

typedef std::vector<std::shared_ptr<const Work>> Graph;

unsigned long long this_thread() { return std::hash<std::thread::id>()(std::this_thread::get_id()); }

CUresult spoil(Capture& capture)
{
    const bool before = capture.invalidated;
    capture.invalidated = true;
    return before ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

}  // namespace

CUresult refuse_in_capture(Stream* stream)
{
    if (stream) return stream->capture ? spoil(*stream->capture) : CUDA_SUCCESS;
    for (const std::shared_ptr<Capture>& capture : device().context->captures) {
        const bool concerns = capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
                              (capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && capture->thread == this_thread());
        if (concerns) return spoil(*capture);
    }
    return CUDA_SUCCESS;
}

void end_capture(Stream& stream)
{
    std::vector<std::shared_ptr<Capture>>& captures = device().context->captures;
    stream.capture->ended = true;
    captures.erase(std::find(captures.begin(), captures.end(), stream.capture));
    stream.capture = nullptr;
}

CUresult submit(Stream& stream, std::shared_ptr<const Work> work)
{
    Context& context = *device().context;
    if (stream.capture) {
        if (stream.capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        stream.capture->nodes.push_back(std::move(work));
        return CUDA_SUCCESS;
    }
    if (&stream == context.legacy.get())
        for (const auto& [id, other] : context.queues)
            if (other->capture && other->blocking) {   // the legacy stream would have to wait for it
                other->capture->invalidated = true;
                return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
            }
    enqueue(stream, std::move(work));
    return CUDA_SUCCESS;
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode)
{
    const Call call;
    if (call.refused) return call.refused;
    Context& context = call.context();
    const std::shared_ptr<Stream> stream = find_stream(handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (mode < CU_STREAM_CAPTURE_MODE_GLOBAL || mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
    if (stream == context.legacy) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture) return CUDA_ERROR_ILLEGAL_STATE;
    stream->capture = std::make_shared<Capture>();
    stream->capture->mode = mode;
    stream->capture->thread = this_thread();
    context.captures.push_back(stream->capture);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuStreamEndCapture(CUstream handle, CUgraph* made)
{
    const Call call;
    if (call.refused) return call.refused;
    Context& context = call.context();
    const std::shared_ptr<Stream> stream = find_stream(handle);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (!made) return CUDA_ERROR_INVALID_VALUE;
    *made = nullptr;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return CUDA_ERROR_ILLEGAL_STATE;
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != this_thread()) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    end_capture(*stream);
    if (capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    context.graphs.add(std::make_shared<Graph>(capture->nodes), made);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec* made, CUgraph handle, unsigned long long flags)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<Graph> graph = call.context().graphs.find(handle);
    if (!made || !graph) return CUDA_ERROR_INVALID_VALUE;
    if (flags & ~(CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY)) return CUDA_ERROR_INVALID_VALUE;
    const std::shared_ptr<GraphExec> exec = std::make_shared<GraphExec>();
    exec->nodes = *graph;
    call.context().graph_execs.add(exec, made);
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream_handle)
{
    const Call call;
    if (call.refused) return call.refused;
    const std::shared_ptr<GraphExec> exec = call.context().graph_execs.find(handle);
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!exec) return CUDA_ERROR_INVALID_VALUE;
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (const CUresult failed = injected_fault(fault_launch)) return failed;
    if (exec->last && !exec->last->done && exec->last->stream != stream->id) stream->waits.push_back(exec->last);
    for (const std::shared_ptr<const Work>& node : exec->nodes)
        if (const CUresult refused = submit(*stream, node)) return refused;
    if (!stream->capture && !exec->nodes.empty() && !stream->pending.empty()) exec->last = stream->pending.back();
    counts.graph_launches++;
    return CUDA_SUCCESS;
}

CUDA_EXPORT CUresult cuGraphExecDestroy(CUgraphExec handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    const std::shared_ptr<GraphExec> known = call.context().graph_execs.remove(handle);
    if (known && known->last && !known->last->done) {   // later drivers put it off; that all do is not written down
        report("cuGraphExecDestroy: a launch of it has not run");
        call.context().sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    return call.refused ? call.refused : known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUDA_EXPORT CUresult cuGraphDestroy(CUgraph handle)
{
    const Call call;
    if (!context_is_current()) return call.refused;
    const bool known = call.context().graphs.remove(handle) != nullptr;
    return call.refused ? call.refused : known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
