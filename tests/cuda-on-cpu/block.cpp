// See block.h. Threads are taken in order; one that waits gives way to those that are ready, then to the next that has not begun.
// A fiber whose thread has ended takes the next one, so a kernel without barriers needs a single stack.
#include "block.h"

#include <cstring>
#include <vector>

#include "device_memory.h"
#include "fibers.h"
#include "shadow.h"

namespace emu
{

Launch launch;

namespace
{

constexpr unsigned MaxThreads = 1024, Lanes = 32, MaxValueBytes = 64;
constexpr int MaxReports = 20;

enum class State : unsigned char { not_begun, ready, at_barrier, in_exchange, ended };

struct Thread
{
    Fiber* fiber;
    State state;
    Site site;       // where it waits
    unsigned mask;   // of the exchange it waits in
    int buffer;      // with an exchange's values that it may still read, or -1
};

// Lanes that meet: those of one mask at one call site.
struct Meeting
{
    unsigned mask, arrived;
    Site site;
    int buffer;
};

struct Warp
{
    std::vector<Meeting> open;
    unsigned holders[Lanes];   // of each buffer, the lanes that fill it or may still read it: a lane is in one at a time
};

struct Position { unsigned x, y, z; };

Thread threads[MaxThreads];
Position positions[MaxThreads];
Warp warps[MaxThreads / Lanes];
Fiber fibers[MaxThreads], host;
std::vector<Fiber*> idle;
unsigned fibers_used;
unsigned short ready[MaxThreads];   // a ring
unsigned ready_first, ready_count, begun, ended, at_barrier, current;
Site barrier_site;
bool stopped;     // by stop_launch
bool in_thread;   // the block's threads run, not the host

void push_ready(unsigned thread)
{
    threads[thread].state = State::ready;
    ready[(ready_first + ready_count++) % MaxThreads] = static_cast<unsigned short>(thread);
}

unsigned pop_ready()
{
    unsigned thread = ready[ready_first];
    ready_first = (ready_first + 1) % MaxThreads;
    ready_count--;
    return thread;
}

}
}

extern "C"
{
struct EmuPosition { unsigned x, y, z; };
__attribute__((visibility("default"))) EmuPosition emu_thread_index, emu_block_index, emu_block_size, emu_grid_size;
}

namespace emu
{
namespace
{

void become(unsigned thread)
{
    current = thread;
    const Position& at = positions[thread];
    emu_thread_index = {at.x, at.y, at.z};
    shadow::become(thread);
}

Fiber& spare_fiber()
{
    if (idle.empty())
    {
        fibers[fibers_used].number = static_cast<int>(fibers_used);
        return fibers[fibers_used++];
    }
    Fiber* fiber = idle.back();
    idle.pop_back();
    return *fiber;
}

void fiber_main()
{
    const auto* entry = static_cast<const Entry*>(launch.kernel->code);
    Fiber* self = nullptr;
    for (;;)
    {
        if (self == nullptr) self = threads[current].fiber;
        threads[current].fiber = self;
        entry = static_cast<const Entry*>(launch.kernel->code);
        entry->call(launch.packed);
        threads[current].state = State::ended;
        ended++;
        if (ready_count > 0)
        {
            unsigned next = pop_ready();
            idle.push_back(self);
            become(next);
            switch_fiber(*self, *threads[next].fiber, fiber_main);
        }
        else if (begun < launch.threads) become(begun++);
        else
        {
            idle.push_back(self);
            switch_fiber(*self, host, fiber_main);
        }
    }
}

// The current thread waits; returns when it is ready again.
void give_way()
{
    Fiber& self = *threads[current].fiber;
    if (ready_count > 0)
    {
        unsigned next = pop_ready();
        become(next);
        switch_fiber(self, *threads[next].fiber, fiber_main);
    }
    else if (begun < launch.threads)
    {
        Fiber& fresh = spare_fiber();
        become(begun++);
        threads[current].fiber = &fresh;
        switch_fiber(self, fresh, fiber_main);
    }
    else switch_fiber(self, host, fiber_main);   // nobody can go on
}

bool same(const Site& a, const Site& b) { return a.line == b.line && (a.file == b.file || strcmp(a.file, b.file) == 0); }

std::string text_of(const Site& site) { return std::string(site.file) + ":" + std::to_string(site.line); }

// Fibers that were left in the middle begin anew.
void forget_fibers()
{
    for (unsigned i = 0; i < fibers_used; i++) fibers[i].context = nullptr;
    idle.clear();
    fibers_used = 0;
}

std::string whereabouts(unsigned thread)
{
    const Thread& t = threads[thread];
    if (t.state == State::ended) return "has ended";
    return (t.state == State::at_barrier ? "waits at the barrier " : "waits in the exchange ") + text_of(t.site);
}

// Nobody can go on: names the first that waits, and the first that it waits for.
void report_stuck()
{
    for (unsigned t = 0; t < launch.threads; t++)
    {
        const Thread& waiting = threads[t];
        if (waiting.state == State::ended) continue;
        bool exchange = waiting.state == State::in_exchange;
        unsigned first = exchange ? t / Lanes * Lanes : 0, missing = first, last = exchange ? first + Lanes : launch.threads;
        while (missing < last)
        {
            bool awaited = !exchange || waiting.mask >> (missing - first) & 1;
            if (awaited && (missing >= launch.threads || threads[missing].state != waiting.state || !same(threads[missing].site, waiting.site) || threads[missing].mask != waiting.mask)) break;
            missing++;
        }
        char mask[64] = "";
        if (exchange) snprintf(mask, sizeof mask, " with mask 0x%08x", waiting.mask);
        std::string other = missing >= launch.threads ? "lane " + std::to_string(missing - first) + " of its warp does not exist"
                                                      : place_of_thread(missing) + " " + whereabouts(missing);
        report_launch(Outcome::launch_failure, place_of_thread(t) + " " + whereabouts(t) + mask + ", but " + other);
        return;
    }
}

bool is_skipped(const char* file, int line)
{
    return line == settings.skip_barrier_line && settings.skip_barrier_file == file;
}

}

unsigned current_thread() { return current; }

std::string place_of_thread(unsigned thread)
{
    const Position& at = positions[thread];
    bool flat = launch.block.y == 1 && launch.block.z == 1;
    return "thread " + (flat ? std::to_string(at.x) : "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")");
}

void report_launch(Outcome outcome, const std::string& text)
{
    bool flat = launch.grid.y == 1 && launch.grid.z == 1;
    std::string block = std::to_string(launch.block_x);
    if (!flat) block = "(" + block + ", " + std::to_string(launch.block_y) + ", " + std::to_string(launch.block_z) + ")";
    report("kernel " + launch.kernel->name + ", block " + block + ": " + text);
    if (launch.outcome == Outcome::ok) launch.outcome = outcome;
    if (++launch.reports >= MaxReports && in_thread) stop_launch();
}

void stop_launch()
{
    stopped = true;
    Fiber left;
    switch_fiber(left, host, fiber_main);
    __builtin_unreachable();
}

bool run_block()
{
    for (unsigned t = 0; t < launch.threads; t++)
    {
        threads[t] = {nullptr, State::not_begun, {}, 0, -1};
        positions[t] = {t % launch.block.x, t / launch.block.x % launch.block.y, t / launch.block.x / launch.block.y};
    }
    for (unsigned w = 0; w <= (launch.threads - 1) / Lanes; w++)
    {
        warps[w].open.clear();
        for (unsigned& holders : warps[w].holders) holders = 0;
    }
    emu_block_index = {launch.block_x, launch.block_y, launch.block_z};
    emu_block_size = {launch.block.x, launch.block.y, launch.block.z};
    emu_grid_size = {launch.grid.x, launch.grid.y, launch.grid.z};
    ready_first = ready_count = ended = at_barrier = 0;
    begun = 1;
    stopped = false;
    Fiber& first = spare_fiber();
    become(0);
    threads[0].fiber = &first;
    in_thread = true;
    switch_fiber(host, first, fiber_main);
    in_thread = false;
    bool complete = ended == launch.threads;
    if (!complete)
    {
        if (!stopped) report_stuck();
        forget_fibers();
    }
    return complete;
}

}

#define DEVICE __attribute__((visibility("default")))
using namespace emu;

extern "C"
{

DEVICE unsigned emu_lane(void) { return current % Lanes; }

DEVICE void emu_undefined_lane(int lane, unsigned mask, const char* file, int line)
{
    char text[96];
    snprintf(text, sizeof text, " reads lane %d, which is not in the mask 0x%08x, at ", lane, mask);
    report_launch(Outcome::launch_failure, place_of_thread(current) + text + text_of({file, line}));
}

DEVICE void emu_trap(const char* file, int line)
{
    report_launch(Outcome::launch_failure, place_of_thread(current) + " trapped at " + text_of({file, line}));
    stop_launch();
}

DEVICE void emu_block_barrier(const char* file, int line)
{
    if (is_skipped(file, line)) return;
    Site site{file, line};
    if (at_barrier == 0) barrier_site = site;
    else if (!same(site, barrier_site))
    {
        report_launch(Outcome::launch_failure, place_of_thread(current) + " is at the barrier " + text_of(site) + ", while others wait at " + text_of(barrier_site));
        stop_launch();
    }
    unsigned self = current;
    threads[self].state = State::at_barrier;
    threads[self].site = site;
    if (++at_barrier < launch.threads) return give_way();
    at_barrier = 0;
    shadow::block_barrier();
    for (unsigned t = 0; t < launch.threads; t++)
        if (t != self) push_ready(t);
    threads[self].state = State::ready;
    become(self);
}

DEVICE const void* emu_warp_exchange(unsigned mask, const void* mine, unsigned bytes, const char* file, int line)
{
    if (bytes == 0 && is_skipped(file, line)) return nullptr;
    unsigned self = current, lane = self % Lanes, number = self / Lanes;
    Warp& warp = warps[number];
    Thread& thread = threads[self];
    Site site{file, line};
    if (!(mask >> lane & 1))
    {
        report_launch(Outcome::launch_failure, place_of_thread(self) + " is not in its own mask at " + text_of(site));
        stop_launch();
    }
    if (thread.buffer >= 0) warp.holders[thread.buffer] &= ~(1u << lane);
    size_t m = 0;
    while (m < warp.open.size() && !(warp.open[m].mask == mask && same(warp.open[m].site, site))) m++;
    if (m == warp.open.size())
    {
        int buffer = 0;
        while (warp.holders[buffer] != 0) buffer++;
        warp.open.push_back({mask, 0, site, buffer});
    }
    Meeting& meeting = warp.open[m];
    meeting.arrived |= 1u << lane;
    thread.buffer = meeting.buffer;
    warp.holders[meeting.buffer] |= 1u << lane;
    unsigned char* values = private_room() + (number * Lanes + meeting.buffer) * Lanes * MaxValueBytes;
    if (bytes > 0) memcpy(values + lane * bytes, mine, bytes);
    if (meeting.arrived != mask)
    {
        thread.state = State::in_exchange;
        thread.site = site;
        thread.mask = mask;
        give_way();
        return values;
    }
    warp.open.erase(warp.open.begin() + static_cast<std::ptrdiff_t>(m));
    shadow::warp_barrier(number, mask);
    for (unsigned other = 0; other < Lanes; other++)
        if (mask >> other & 1 && other != lane) push_ready(number * Lanes + other);
    become(self);
    return values;
}

}
