// What the emulated NVRTC gives as a CUBIN or as PTX: this header, then a shared object.
#pragma once

#include <cstdint>

namespace emu
{

constexpr char CubinMagic[16] = "EMULATED CUBIN\n";

struct CubinHeader
{
    char magic[16];
    int32_t architecture;   // 80 for sm_80 and compute_80
    int32_t portable;       // 1: compiled for compute_XX
    int32_t instrumented;   // 1: with access hooks
    int32_t reserved;
    uint64_t object_bytes;
    char key[40];           // its name in build/kernels/, ended by zeros
};

}
