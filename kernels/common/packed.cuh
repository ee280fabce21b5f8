// Neighbours of a row, read or written as accesses of up to 16 bytes. How many is a define, WIDTH: as many as divide a row, so that
// no access straddles two, and as 16 bytes of the narrowest type hold.
#pragma once
#include "common/ptx.cuh"

template <typename T, int COUNT>
struct alignas(sizeof(T) * COUNT) Packed { T values[COUNT]; };

template <int COUNT, typename T>
__device__ __forceinline__ Packed<T, COUNT> load_packed(const T* from)
{
    return *reinterpret_cast<const Packed<T, COUNT>*>(from);
}

// To global memory.
template <int COUNT, typename T>
__device__ __forceinline__ void store_packed(T* to, const Packed<T, COUNT>& values)
{
    if constexpr (sizeof(values) % 16 == 0) {
        const unsigned* words = reinterpret_cast<const unsigned*>(&values);
        #pragma unroll
        for (int i = 0; i < (int)sizeof(values) / 4; i += 4) store_16(reinterpret_cast<unsigned*>(to) + i, words[i], words[i + 1], words[i + 2], words[i + 3]);
    } else {
        *reinterpret_cast<Packed<T, COUNT>*>(to) = values;
    }
}

// Four neighbours of a row of floats that has `left` more, zeros behind its end. `in_one`: rows are multiples of four, so that one
// access holds them all.
__device__ __forceinline__ float4 load_four(const float* from, int left, bool in_one)
{
    if (in_one) return *reinterpret_cast<const float4*>(from);
    return make_float4(from[0], left > 1 ? from[1] : 0.0f, left > 2 ? from[2] : 0.0f, left > 3 ? from[3] : 0.0f);
}
