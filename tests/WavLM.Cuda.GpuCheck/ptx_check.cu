// What kernels/common/ptx.cuh says of its instructions, tried one by one. Each kernel's expected result is in Stages/Ptx.
#include "common/ptx.cuh"

// Three groups of copies, waited for one by one. A thread sees its own copies after the wait that covers their group, and those of
// others after the barrier behind it: the last group is read backwards. x and y [blocks][3][THREADS] packs of 16 bytes.
extern "C" __global__ void __launch_bounds__(THREADS)
copy_async(const float4* __restrict__ x, float4* __restrict__ y)
{
    __shared__ float4 tile[3][THREADS];
    const int t = threadIdx.x;
    const long long first = (long long)blockIdx.x * 3 * THREADS;
    for (int group = 0; group < 3; group++) {
        copy_async_16(&tile[group][t], x + first + group * THREADS + t);
        copy_async_commit();
    }
    copy_async_wait<2>();
    y[first + t] = tile[0][t];
    copy_async_wait<1>();
    y[first + THREADS + t] = tile[1][t];
    copy_async_wait<0>();
    __syncthreads();   // the others' copies of the last group
    y[first + 2 * THREADS + t] = tile[2][THREADS - 1 - t];
}

// The same copy where inside[i] is not 0, zeros where it is. x, y [blocks * THREADS] packs of 16 bytes.
extern "C" __global__ void __launch_bounds__(THREADS)
copy_async_or_zeros(const float4* __restrict__ x, const int* __restrict__ inside, float4* __restrict__ y)
{
    __shared__ float4 tile[THREADS];
    const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    copy_async_16_or_zeros(&tile[threadIdx.x], x + i, inside[i] != 0);
    copy_async_commit();
    copy_async_wait<0>();
    y[i] = tile[threadIdx.x];
}

// Words, each to another thread's place. x, y [blocks * THREADS].
extern "C" __global__ void __launch_bounds__(THREADS)
copy_async_words(const int* __restrict__ x, int* __restrict__ y)
{
    __shared__ int tile[THREADS];
    const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    copy_async_4(&tile[THREADS - 1 - threadIdx.x], x + i);
    copy_async_commit();
    copy_async_wait<0>();
    __syncthreads();   // the others' copies
    y[i] = tile[threadIdx.x];
}

// Packs of 16 bytes, each to another thread's place of its block. x, y [blocks * THREADS].
extern "C" __global__ void __launch_bounds__(THREADS)
store_packs(const uint4* __restrict__ x, uint4* __restrict__ y)
{
    const long long first = (long long)blockIdx.x * THREADS;
    const uint4 pack = x[first + threadIdx.x];
    store_16(y + first + (THREADS - 1 - threadIdx.x), pack.x, pack.y, pack.z, pack.w);
}

// A warp has 32 rows of 16 bytes; its lane l names row places[l]. plain, transposed [warps][32] four registers each.
extern "C" __global__ void __launch_bounds__(THREADS)
load_matrices(const uint4* __restrict__ rows, const int* __restrict__ places, uint4* __restrict__ plain, uint4* __restrict__ transposed)
{
    __shared__ uint4 tile[THREADS];
    const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    tile[threadIdx.x] = rows[i];
    __syncwarp();   // the other lanes' rows
    const uint4* named = tile + threadIdx.x / 32 * 32 + places[i];
    unsigned r[4];
    load_matrix_x4(r, named);
    plain[i] = make_uint4(r[0], r[1], r[2], r[3]);
    load_matrix_x4_transposed(r, named);
    transposed[i] = make_uint4(r[0], r[1], r[2], r[3]);
}

// d += a b by the registers of each lane, of float16 or of bfloat16. a, b, d [warps][32].
extern "C" __global__ void __launch_bounds__(THREADS)
multiply_add(const uint4* __restrict__ a, const uint2* __restrict__ b, float4* __restrict__ d, int of_bfloats)
{
    const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
    const unsigned left[4] = {a[i].x, a[i].y, a[i].z, a[i].w};
    float sums[4] = {d[i].x, d[i].y, d[i].z, d[i].w};
    if (of_bfloats) multiply_add_bfloat(sums, left, b[i].x, b[i].y);
    else multiply_add_half(sums, left, b[i].x, b[i].y);
    d[i] = make_float4(sums[0], sums[1], sums[2], sums[3]);
}

// Every function of one value, and a pair of the value and its neighbour. All [count].
extern "C" __global__ void __launch_bounds__(THREADS)
convert(const float* __restrict__ x, unsigned short* __restrict__ halves, unsigned short* __restrict__ bfloats, unsigned* __restrict__ half_pairs,
        unsigned* __restrict__ bfloat_pairs, float* __restrict__ powers, int count)
{
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) return;
    const float next = x[(i + 1) % count];
    halves[i] = half_bits(x[i]);
    bfloats[i] = bfloat_bits(x[i]);
    half_pairs[i] = half_pair(x[i], next);
    bfloat_pairs[i] = bfloat_pair(x[i], next);
    powers[i] = exp2_approximate(x[i]);
}

// values[i] = the float16 with the bits i.
extern "C" __global__ void __launch_bounds__(THREADS)
half_values(float* __restrict__ values)
{
    const int i = blockIdx.x * THREADS + threadIdx.x;
    values[i] = half_value((unsigned short)i);
}
