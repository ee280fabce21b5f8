// cp.async. A copy's destination belongs to nobody until the wait_group that covers it: until then it is poison (late mode) or
// already there (early mode, which overwrites what another thread may still read), and touching it is a finding in both.
#include "async_copy.h"

#include <cstring>
#include <vector>

#include "device_memory.h"
#include "shadow.h"

namespace emu
{
namespace
{

struct Copy
{
    uintptr_t shared, global;
    unsigned bytes, read;   // what is not read becomes zero
};

using Group = std::vector<Copy>;

struct Queue
{
    Group open;                   // not committed
    std::vector<Group> waiting;   // oldest first
};

std::vector<Queue> queues;   // of the block's threads
bool used;                   // whether any of them holds anything

void move(const Copy& copy)
{
    auto* to = reinterpret_cast<unsigned char*>(copy.shared);
    memcpy(to, reinterpret_cast<const void*>(copy.global), copy.read);
    memset(to + copy.read, 0, copy.bytes - copy.read);
}

void set_cells(const Copy& copy, Cell value)
{
    if (!launch.image->instrumented) return;
    for (unsigned i = 0; i < copy.bytes; i += 2) *shadow::shared_cell(copy.shared + i) = value;
}

void land(const Copy& copy)
{
    if (!settings.copy_async_early) move(copy);
    set_cells(copy, {shadow::state.me, 0});
}

}

void forget_copies()
{
    if (!used) return;
    for (Queue& queue : queues)
    {
        queue.waiting.push_back(std::move(queue.open));
        for (const Group& group : queue.waiting)
            for (const Copy& copy : group) set_cells(copy, {0, 0});
        queue = Queue();
    }
    used = false;
}

}

using namespace emu;

#define DEVICE extern "C" __attribute__((visibility("default")))

DEVICE void emu_copy_async(void* to, const void* from, unsigned bytes, unsigned read, const char* file, int line)
{
    const shadow::Place place{nullptr, {file, line}};
    Copy copy{reinterpret_cast<uintptr_t>(to), reinterpret_cast<uintptr_t>(from), bytes, read};
    if (copy.shared % bytes != 0) shadow::report_misaligned("the destination of a cp.async", copy.shared, bytes, place);
    if (copy.global % bytes != 0) shadow::report_misaligned("the source of a cp.async", copy.global, bytes, place);
    if (launch.image->instrumented)
    {
        if (!shadow::in_shared(copy.shared)) shadow::report_illegal("cp.async", copy.shared, bytes, place);
        if (read > 0 && !in_heap(copy.global)) shadow::report_illegal("cp.async", copy.global, read, place);
        if (read > 0) shadow::read(copy.global, read, place);
        shadow::write(copy.shared, bytes, place);
        set_cells(copy, {CellPending, 0});
    }
    if (settings.copy_async_early) move(copy);
    else memset(to, 0xFF, bytes);
    if (queues.size() < launch.threads) queues.resize(launch.threads);
    used = true;
    queues[current_thread()].open.push_back(copy);
}

DEVICE void emu_copy_async_commit(void)
{
    if (!used) return;
    Queue& queue = queues[current_thread()];
    queue.waiting.push_back(std::move(queue.open));
    queue.open.clear();
}

DEVICE void emu_copy_async_wait(int groups)
{
    if (!used) return;
    std::vector<Group>& waiting = queues[current_thread()].waiting;
    size_t landing = waiting.size() > size_t(groups) ? waiting.size() - size_t(groups) : 0;
    for (size_t g = 0; g < landing; g++)
        for (const Copy& copy : waiting[g]) land(copy);
    waiting.erase(waiting.begin(), waiting.begin() + std::ptrdiff_t(landing));
}
