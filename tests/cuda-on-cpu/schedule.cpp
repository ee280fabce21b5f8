// When operations run: as late as is legal (0), at once (1), or in a hostile order between streams that no event orders (n >= 2, a seed).
#include <algorithm>
#include <chrono>
#include <random>

#include "device.h"

namespace emu {
namespace {

// A real launch queue is bounded too, so nobody may count on more lateness; and what is freed late or copied early takes the host's memory.
constexpr std::size_t MAX_PENDING = 1000, MAX_HELD = std::size_t(256) << 20;
constexpr int NOT_READY_ANSWERS = 3;

int schedule_mode = 0;
std::mt19937 chance;
Clock host_clock;

void run_front(Stream& stream)
{
    const OperationPtr operation = stream.pending.front();
    stream.pending.pop_front();
    stream.held -= operation->work->held;
    Context& context = *device().context;
    if (context.sticky == CUDA_SUCCESS && operation->work->run) {
        const CUresult result = operation->work->run();
        if (result != CUDA_SUCCESS && context.sticky == CUDA_SUCCESS) context.sticky = result;
    }
    operation->finished = seconds();
    operation->done = true;
}

Stream* stream_of(const Operation& operation)
{
    for (const auto& [id, stream] : device().context->queues)
        if (id == operation.stream) return stream.get();
    return nullptr;
}

bool ready(const Stream& stream)
{
    return !stream.pending.empty() && std::all_of(stream.pending.front()->after.begin(), stream.pending.front()->after.end(),
                                                  [](const OperationPtr& other) { return other->done; });
}

// Some front that may run, whoever wants it.
void run_any()
{
    std::vector<Stream*> fronts;
    for (const auto& [id, stream] : device().context->queues)
        if (ready(*stream)) fronts.push_back(stream.get());
    if (!fronts.empty()) run_front(*fronts[chance() % fronts.size()]);
}

}  // namespace

void merge(Clock& into, const Clock& other)
{
    for (const auto& [stream, index] : other) into[stream] = std::max(into[stream], index);
}

double seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void set_schedule(int mode)
{
    schedule_mode = mode;
    chance.seed(static_cast<unsigned>(mode));
}

bool reads_pageable_late() { return schedule_mode >= 2; }

void host_saw(const Clock& clock) { merge(host_clock, clock); }

void forget_clocks() { host_clock.clear(); }

void complete(const OperationPtr& operation)
{
    while (!operation->done) {
        if (schedule_mode >= 2) {
            run_any();
            continue;
        }
        Stream* const stream = stream_of(*operation);
        const std::vector<OperationPtr> after = stream->pending.front()->after;
        for (const OperationPtr& other : after) complete(other);
        run_front(*stream);
    }
}

void complete(Stream& stream)
{
    for (const OperationPtr& other : std::vector<OperationPtr>(stream.waits)) complete(other);   // a wait that nothing follows yet
    while (!stream.pending.empty()) complete(OperationPtr(stream.pending.back()));
}

OperationPtr enqueue(Stream& stream, std::shared_ptr<const Work> work)
{
    Context& context = *device().context;
    const bool legacy = &stream == context.legacy.get();
    const OperationPtr operation = std::make_shared<Operation>();
    merge(stream.clock, host_clock);
    operation->after.swap(stream.waits);
    for (const auto& [id, other] : context.queues) {
        const bool implied = other.get() != &stream && (legacy ? other->blocking : stream.blocking && other == context.legacy);
        if (!implied) continue;
        if (!other->pending.empty()) operation->after.push_back(other->pending.back());
        merge(stream.clock, other->clock);
    }
    operation->stream = stream.id;
    operation->index = stream.clock[stream.id] = ++stream.last_index;
    operation->work = std::move(work);
    check_order(stream, *operation->work);
    if (operation->work->put) operation->work->put();
    stream.held += operation->work->held;
    stream.pending.push_back(operation);

    if (schedule_mode == 1) complete(operation);
    else if (schedule_mode >= 2) for (unsigned runs = chance() % 4; runs > 0; runs--) run_any();
    while (stream.pending.size() > MAX_PENDING || stream.held > MAX_HELD) complete(OperationPtr(stream.pending.front()));
    return operation;
}

bool query_finishes(Event& event)
{
    if (event.record->done || schedule_mode == 1) return true;
    if (schedule_mode >= 2) return chance() % 3 == 0;
    return ++event.queries > NOT_READY_ANSWERS;   // a caller that polls must see the end some time
}

}  // namespace emu
