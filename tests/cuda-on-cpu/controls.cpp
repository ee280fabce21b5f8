// The emu_* functions: a test's hold on the device. Strings live until the next emu_reset.
#include <cstring>
#include <list>

#include "controls.h"

#include "counts.h"
#include "device.h"

namespace emu {

Counts counts;

namespace {

std::list<std::string> strings;   // handed out
std::vector<std::string> launched;   // as emu_kernels last saw them

const char* keep(const std::string& text)
{
    for (const std::string& kept : strings)
        if (kept == text) return kept.c_str();
    strings.push_back(text);
    return strings.back().c_str();
}

long long live_handles()
{
    long long live = live_cublaslt_handles();
    if (const Context* context = device().context.get())
        live += context->streams.count() + context->events.count() + context->pools.count() + context->modules.count() + context->graphs.count() +
                context->graph_execs.count() + static_cast<long long>(context->host_memory.size());
    return live;
}

void reset_counts()
{
    Counts fresh;
    fresh.live_bytes = fresh.peak_bytes = counts.live_bytes;
    fresh.live_allocations = counts.live_allocations;
    counts = fresh;
    reset_compile_counts();
}

}  // namespace
}  // namespace emu

using namespace emu;

CUDA_EXPORT const char* emu_version(void) { return "cuda-on-cpu: driver 12.8, NVRTC 12.8, cuBLASLt 12.8, emulated"; }

CUDA_EXPORT void emu_reset(void)
{
    const std::lock_guard locked(device().lock);
    device().profile = 80;
    device().memory = std::size_t(64) << 30;
    set_schedule(0);
    reset_settings();
    clear_faults();
    reset_counts();
    clear_reports();
    strings.clear();
    launched.clear();
}

CUDA_EXPORT int emu_set_profile(int sm)
{
    const std::lock_guard locked(device().lock);
    if (sm != 80 && sm != 86 && sm != 89 && sm != 90) return -1;
    device().profile = sm;
    return 0;
}

CUDA_EXPORT void emu_set_memory(std::size_t bytes)
{
    const std::lock_guard locked(device().lock);
    device().memory = bytes;
}

CUDA_EXPORT void emu_set_schedule(int mode)
{
    const std::lock_guard locked(device().lock);
    set_schedule(mode);
}

CUDA_EXPORT void emu_set_instrumented(int on) { settings.instrumented = on != 0; }

CUDA_EXPORT void emu_set_copy_async(int early) { settings.copy_async_early = early != 0; }

CUDA_EXPORT void emu_skip_barrier(const char* file, int line)
{
    settings.skip_barrier_file = file ? file : "";
    settings.skip_barrier_line = line;
}

CUDA_EXPORT long long emu_count(const char* what)
{
    const std::lock_guard locked(device().lock);
    const struct { const char* name; long long value; } all[] = {
        {"live_bytes", static_cast<long long>(counts.live_bytes)}, {"peak_bytes", static_cast<long long>(counts.peak_bytes)},
        {"live_allocations", counts.live_allocations}, {"live_handles", live_handles()}, {"allocations", counts.allocations},
        {"copies_to_host", counts.copies_to_host}, {"copies_to_device", counts.copies_to_device}, {"bytes_to_host", counts.bytes_to_host},
        {"launches", counts.launches}, {"matmuls", counts.matmuls}, {"graph_launches", counts.graph_launches},
        {"compiles", compiles()}, {"compiles_reused", compiles_reused()},
    };
    for (const auto& one : all)
        if (what && std::strcmp(one.name, what) == 0) return one.value;
    return -1;   // no such count
}

CUDA_EXPORT void emu_reset_counts(void)
{
    const std::lock_guard locked(device().lock);
    reset_counts();
}

CUDA_EXPORT int emu_kernels(void)
{
    const std::lock_guard locked(device().lock);
    launched.clear();
    for (const auto& [name, times] : counts.kernels) launched.push_back(name);
    return static_cast<int>(launched.size());
}

CUDA_EXPORT const char* emu_kernel_name(int i)
{
    const std::lock_guard locked(device().lock);
    return i >= 0 && i < static_cast<int>(launched.size()) ? keep(launched[i]) : nullptr;
}

CUDA_EXPORT long long emu_kernel_launches(const char* name)
{
    const std::lock_guard locked(device().lock);
    const auto found = counts.kernels.find(name ? name : "");
    return found == counts.kernels.end() ? 0 : found->second;
}

CUDA_EXPORT double emu_compile_seconds(void) { return compile_seconds(); }

CUDA_EXPORT int emu_reports(void) { return static_cast<int>(reports().size()); }

CUDA_EXPORT const char* emu_report(int i)
{
    const std::lock_guard locked(device().lock);
    const std::vector<std::string> all = reports();
    return i >= 0 && i < static_cast<int>(all.size()) ? keep(all[i]) : nullptr;
}
