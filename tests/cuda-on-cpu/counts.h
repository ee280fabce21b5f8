// What the device counts, for emu_count. Memory is counted in the order of the calls: a release counts when it is called.
#pragma once
#include <cstddef>
#include <map>
#include <string>

namespace emu {

struct Counts {
    long long allocations = 0, live_allocations = 0, copies_to_host = 0, copies_to_device = 0, bytes_to_host = 0;
    long long launches = 0, matmuls = 0, graph_launches = 0;
    std::size_t live_bytes = 0, peak_bytes = 0;
    std::map<std::string, long long> kernels;   // launches by name
};
extern Counts counts;

void clear_faults();
long long live_cublaslt_handles();

}  // namespace emu
