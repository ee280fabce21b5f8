// The device, its primary context, and how every driver call begins. One lock over everything: the emulator is correct first, and the engine
// makes its calls from one thread anyway.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "device_memory.h"
#include "handles.h"
#include "kernel.h"
#include "stream.h"

namespace emu {

// A pool's memory comes in segments that are given back as a whole; freed bytes stay in theirs.
struct Segment {
    std::size_t bytes, free;
    int releasing = 0;   // allocations whose release has not run: their memory serves the next in order, and cannot leave the pool
};
struct Pool {
    std::map<long long, Segment> segments;
    long long next_segment = 0;
    std::size_t max_bytes = 0, used = 0, used_high = 0, reserved_high = 0;
    std::uint64_t release_threshold = 0;
    int reuse[4] = {0, 1, 1, 1};   // attributes 1 to 3, kept and of no effect: no address is ever reused
    long long live = 0;
    std::size_t reserved() const;
};

// An allocation as the host sees it, from its call to its release's turn.
struct PoolAllocation {
    std::shared_ptr<Pool> pool;
    long long segment = 0, stream = 0, index = 0;   // the operation that made it
    std::size_t bytes = 0;
    bool freed = false;                             // the call was made; its turn may not have come
    Clock uses;                                     // of each stream the last operation known to use it
};

struct Function {
    std::shared_ptr<Module> module;
    const Kernel* kernel = nullptr;
    int dynamic_shared_limit = 48 << 10;
};
struct LoadedModule {
    std::shared_ptr<Module> module;
    std::map<std::string, CUfunction> functions;
};

// Everything that dies with the context. The device has one, the primary one.
struct Context {
    CUcontext handle = nullptr;
    int retained = 0;
    CUresult sticky = CUDA_SUCCESS;   // what each call returns since the context died
    std::shared_ptr<Stream> legacy;
    std::map<long long, std::shared_ptr<Stream>> queues;   // all streams, the legacy one too, by id
    Handles<Stream> streams;
    Handles<Event> events;
    Handles<Pool> pools;
    Handles<LoadedModule> modules;
    Handles<Function> functions;
    Handles<std::vector<std::shared_ptr<const Work>>> graphs;
    Handles<GraphExec> graph_execs;
    std::map<CUdeviceptr, PoolAllocation> allocations;     // by address
    std::map<std::uintptr_t, std::size_t> host_memory;     // pinned, by address
    std::vector<std::shared_ptr<Capture>> captures;        // under way
};

struct Device {
    std::recursive_mutex lock;
    bool initialised = false;
    int profile = 80;
    std::size_t memory = std::size_t(64) << 30;
    std::unique_ptr<Context> context;   // null until it is retained
};
Device& device();
int opt_in_shared_bytes();          // of a block, of the device's profile
bool context_is_current();          // on this thread

// Begins a driver call: takes the lock and finds out whether the call can go on. The context exists where `refused` says CUDA_SUCCESS.
class Call {
public:
    Call();
    CUresult refused;
    Context& context() const { return *device().context; }

private:
    std::lock_guard<std::recursive_mutex> _locked;
};

std::shared_ptr<Stream> new_stream(Context& context, unsigned flags);

// The stream behind a handle, legacy included; null where there is none.
std::shared_ptr<Stream> find_stream(CUstream handle);

// Puts the work on the stream, or into its capture.
CUresult submit(Stream& stream, std::shared_ptr<const Work> work);

// Refuses what is illegal while `stream` (or, without one, any stream that concerns this thread) is being captured, and spoils that capture.
CUresult refuse_in_capture(Stream* stream);
void end_capture(Stream& stream);

// The allocation (of the host's books) that an address lies in, or null.
PoolAllocation* find_allocation(CUdeviceptr address);

// Reports uses of memory that nothing orders after its allocation, or a release that nothing orders after a use.
void check_order(Stream& stream, const Work& work);

bool is_pinned(const void* address, std::size_t bytes);
void trim(Pool& pool, std::size_t keep);
void trim_to_thresholds();          // as the pools do at each synchronise
std::size_t reserved_bytes();       // of all pools
void close_context();               // drops everything that the context owns

// The error that a test asked for (emu_fail), if it is this call's turn; one that no context survives leaves it dead.
CUresult injected_fault(int kind);

}  // namespace emu
