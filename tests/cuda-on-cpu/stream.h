// Streams as queues of operations, and what is ordered before what. Nothing here knows what an operation does.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cuda_abi.h"

namespace emu {

// Of each stream the last operation that is ordered before a point: a vector clock. Operations of a stream count from 1.
typedef std::map<long long, long long> Clock;
void merge(Clock& into, const Clock& other);
inline bool covers(const Clock& clock, long long stream, long long index)
{
    const auto found = clock.find(stream);
    return found != clock.end() && found->second >= index;
}

// What a caller puts on a stream, or a capture keeps for later. Run at its turn, as often as its graph is launched.
struct Work {
    enum Kind { COMPUTE, RELEASE, MARK } kind = MARK;
    std::string name;                    // for reports
    std::function<CUresult()> run;
    std::function<void()> put;           // at the call, or at each launch of the graph: counts, and poisons what is not there yet
    std::vector<CUdeviceptr> touched;    // allocations it is known to use, by any address in them
    std::shared_ptr<const void> code;    // the module that a launch runs from
    std::size_t held = 0;                // bytes of the host's memory that are kept until it ran
};

inline std::shared_ptr<Work> new_work(Work::Kind kind, std::string name)
{
    const auto work = std::make_shared<Work>();
    work->kind = kind;
    work->name = std::move(name);
    return work;
}

// A work at its place in a queue.
struct Operation {
    std::shared_ptr<const Work> work;
    std::vector<std::shared_ptr<Operation>> after;   // of other streams
    long long stream = 0, index = 0;
    double finished = 0;                             // seconds; events read it
    bool done = false;
};
typedef std::shared_ptr<Operation> OperationPtr;

struct Capture;

struct Stream {
    long long id = 0;
    bool blocking = true;      // waits for the legacy stream and is waited for by it
    Clock clock;               // what is ordered before the next operation
    long long last_index = 0;
    std::deque<OperationPtr> pending;
    std::size_t held = 0;      // bytes that the pending works hold
    std::vector<OperationPtr> waits;    // for the next operation
    std::shared_ptr<Capture> capture;
};

struct Event {
    unsigned flags = 0;
    OperationPtr record;       // null: never recorded
    Clock clock;
    int queries = 0;           // of this record that were answered "not ready"
    std::shared_ptr<Capture> capture;   // recorded in a capture: nothing of the host may look at it
};

// A stream's operations between begin and end of its capture.
struct Capture {
    std::vector<std::shared_ptr<const Work>> nodes;
    CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
    unsigned long long thread = 0;
    bool invalidated = false, ended = false;
};

struct GraphExec {
    std::vector<std::shared_ptr<const Work>> nodes;
    OperationPtr last;         // of the previous launch: an executable graph never runs beside itself
};

// The one queue discipline of the device (emu_set_schedule).
void set_schedule(int mode);

// Whether a copy from pageable memory reads it when it runs, not at the call: the driver promises neither.
bool reads_pageable_late();

// Puts a work on a stream and runs what the schedule wants run. The operation, for events and graphs.
OperationPtr enqueue(Stream& stream, std::shared_ptr<const Work> work);

// Runs what must run until the operation is done. Every failure on the way has made the context dead.
void complete(const OperationPtr& operation);
void complete(Stream& stream);

// The host has seen everything that the clock covers: what it calls from now on comes after.
void host_saw(const Clock& clock);

// Its context is gone, and every stream that a clock could speak of.
void forget_clocks();

// Whether an event's query finishes now: at once, after a few answers of "not ready", or by chance.
bool query_finishes(Event& event);

double seconds();

}  // namespace emu
