// ldmatrix's share in memory: a lane reads the row that it names. It does so before the lanes meet, because the instruction orders
// no memory: what another lane wrote is there only if something before it says so.
#include <cstring>

#include "shadow.h"

using namespace emu;

extern "C" __attribute__((visibility("default"))) void emu_read_matrix_row(void* to, const void* row, const char* file, int line)
{
    constexpr unsigned Bytes = 16;
    const shadow::Place place{nullptr, {file, line}};
    const auto address = reinterpret_cast<uintptr_t>(row);
    if (address % Bytes != 0) shadow::report_misaligned("a row of an ldmatrix", address, Bytes, place);
    if (launch.image->instrumented)
    {
        if (!shadow::in_shared(address)) shadow::report_illegal("ldmatrix", address, Bytes, place);
        shadow::read(address, Bytes, place);
    }
    memcpy(to, row, Bytes);
}
