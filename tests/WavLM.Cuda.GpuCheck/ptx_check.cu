// What kernels/common/ptx.cuh says of its instructions, tried one by one. Each kernel's expected result is in PtxStage.cs.
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
