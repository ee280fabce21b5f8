// Faults on demand: the nth operation of a kind from now fails, once or from then on for ever.
#include "faults.h"

#include <mutex>

#include "controls.h"
#include "counts.h"
#include "cuda_abi.h"

namespace emu {
namespace {

struct Fault {
    long long remaining = 0;   // operations up to and with the one that fails; 0: none
    bool for_ever = false;
    int code = 0;
};
Fault faults[5];
std::mutex lock;   // a compile is not under the device's lock

}  // namespace

int fault(int kind)
{
    const std::lock_guard locked(lock);
    Fault& one = faults[kind];
    if (one.remaining == 0) return 0;
    if (one.remaining > 1) {
        one.remaining--;
        return 0;
    }
    if (!one.for_ever) one.remaining = 0;
    return one.code;
}

void clear_faults()
{
    const std::lock_guard locked(lock);
    for (Fault& one : faults) one = Fault();
}

}  // namespace emu

CUDA_EXPORT void emu_fail(int kind, long long nth, int for_ever, int code)
{
    if (kind < 0 || kind > emu::fault_matmul || nth < 0) return;
    const std::lock_guard locked(emu::lock);
    emu::faults[kind] = {nth, for_ever != 0, code};
}
