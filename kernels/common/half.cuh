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

// d += a b of a warp (multiply_add_half says how the lanes share them), and two values as the operands hold them.
template <typename T> __device__ void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);
template <typename T> __device__ unsigned pair_of(float low, float high);

template <> __device__ __forceinline__ void multiply_add<Float16>(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) { multiply_add_half(d, a, b0, b1); }
template <> __device__ __forceinline__ void multiply_add<BFloat16>(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) { multiply_add_bfloat(d, a, b0, b1); }
template <> __device__ __forceinline__ unsigned pair_of<Float16>(float low, float high) { return half_pair(low, high); }
template <> __device__ __forceinline__ unsigned pair_of<BFloat16>(float low, float high) { return bfloat_pair(low, high); }
