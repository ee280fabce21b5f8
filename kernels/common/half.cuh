// The 16-bit floats that operands are stored as. Arithmetic is float's: they convert, explicitly, and do nothing else.
#pragma once
#include "common/ptx.cuh"

struct Float16
{
    unsigned short bits;
    Float16() = default;
    __device__ __forceinline__ explicit Float16(float x) : bits(half_bits(x)) {}
    __device__ __forceinline__ explicit operator float() const { return half_value(bits); }
};

struct BFloat16
{
    unsigned short bits;
    BFloat16() = default;
    __device__ __forceinline__ explicit BFloat16(float x) : bits(bfloat_bits(x)) {}
    __device__ __forceinline__ explicit operator float() const { return __uint_as_float((unsigned)bits << 16); }
};

static_assert(sizeof(Float16) == 2 && sizeof(BFloat16) == 2, "tensors hold them end to end");

template <typename T> constexpr bool IS_FLOAT16 = false;
template <> constexpr bool IS_FLOAT16<Float16> = true;

// d += a b of a warp; multiply_add_half says how the lanes share them.
template <typename T>
__device__ __forceinline__ void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1 CALLED_FROM)
{
    if constexpr (IS_FLOAT16<T>) multiply_add_half(d, a, b0, b1 CALLER);
    else multiply_add_bfloat(d, a, b0, b1 CALLER);
}

// Two values as the operands hold them.
template <typename T>
__device__ __forceinline__ unsigned pair_of(float low, float high)
{
    if constexpr (IS_FLOAT16<T>) return half_pair(low, high);
    else return bfloat_pair(low, high);
}
