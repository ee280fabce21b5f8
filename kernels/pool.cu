// y[first_row + u] = the mean over utterance u's frames, channel by channel; with DEVIATION=1 their standard deviation behind it, the
// unbiased one (/ (T - 1)), 0 for a single frame.
// x [frames, columns] float, y [first_row + utterances or more, columns or 2 * columns] float; any number of columns.
// A block has 32 channels (grid.y) of an utterance (grid.x). Each of its WARPS warps adds up every WARPS-th frame, a lane a
// channel, so that a warp reads 128 bytes in a row; then each thread adds up the warps' sums, in their order.
// float32, two passes: E[x^2] - E[x]^2 cancels when a mean is large against its spread. The order follows from T alone.
// 4 bytes an element and pass, 1 and 3 FLOPs: bound by memory.
#include "common/packed_batch.cuh"

// The sum of a lane's channel over all warps: each thread gives a part and gets the sum. `parts` must not have been used before.
__device__ __forceinline__ float sum_of_warps(float part, float (&parts)[WARPS][32])
{
    const int lane = threadIdx.x % 32;
    parts[threadIdx.x / 32][lane] = part;
    __syncthreads();   // every warp's part is there
    float sum = 0.0f;
    for (int warp = 0; warp < WARPS; warp++) sum += parts[warp][lane];
    return sum;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
pool(const float* __restrict__ x, const Utterance* __restrict__ utterances, float* __restrict__ y, long long first_row, int columns)
{
    __shared__ float parts[1 + DEVIATION][WARPS][32];
    const long long frames = utterances[blockIdx.x].frames;
    const int warp = threadIdx.x / 32, column = blockIdx.y * 32 + threadIdx.x % 32;
    const bool inside = column < columns;   // threads that are outside still meet the others at the barriers
    const float* own = x + utterances[blockIdx.x].first_frame * columns + column;

    float sum = 0.0f;
    #pragma unroll 4
    for (long long frame = warp; frame < frames && inside; frame += WARPS) sum += own[frame * columns];
    const float mean = sum_of_warps(sum, parts[0]) / frames;
#if DEVIATION
    float squares = 0.0f;
    #pragma unroll 4
    for (long long frame = warp; frame < frames && inside; frame += WARPS) {
        const float centered = own[frame * columns] - mean;
        squares = fmaf(centered, centered, squares);
    }
    squares = sum_of_warps(squares, parts[1]);
#endif
    if (warp > 0 || !inside) return;
    y += (first_row + blockIdx.x) * columns * (1 + DEVIATION) + column;
    y[0] = mean;
#if DEVIATION
    y[columns] = sqrtf(squares / (frames > 1 ? frames - 1 : 1));   // a single frame is its mean
#endif
}
