// Sums over the 32 lanes of a warp. All lanes must call them together; each gets the sum. The order is fixed, a tree of
// exchanges, so equal values give equal bits in every lane and every launch.
#pragma once

__device__ __forceinline__ float warp_sum(float x)
{
    for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
    return x;
}

__device__ __forceinline__ double warp_sum(double x)
{
    for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffffu, x, distance);
    return x;
}
