// y[first_row + u] = the mean over utterance u's frames, channel by channel; with DEVIATION=1 their standard deviation behind it, the
// unbiased one (/ (T - 1)), 0 for a single frame.
// x [frames, columns] float, y [first_row + utterances or more, columns or 2 * columns] float; any number of columns.
// A block has 32 channels (grid.y) of an utterance (grid.x), eight lanes four of them each. Each such eight lanes add up every
// STRANDS-th frame, 128 bytes at a time, a warp's four neighbouring frames; then each thread adds up the strands' sums, in their order.
// float32, two passes: E[x^2] - E[x]^2 cancels when a mean is large against its spread. The order follows from T alone.
// 4 bytes an element and pass, 1 and 3 FLOPs: bound by memory.
#include "common/packed.cuh"
#include "common/packed_batch.cuh"

constexpr int LANES = 8, CHANNELS = 4 * LANES, STRANDS = 32 / LANES * WARPS;

__device__ __forceinline__ float4 add(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

// The sums of a thread's four channels over all strands: each thread gives its part. `parts` must not have been used before.
__device__ __forceinline__ float4 sum_of_strands(float4 part, float4 (&parts)[STRANDS][LANES])
{
    const int lane = threadIdx.x % LANES;
    parts[threadIdx.x / LANES][lane] = part;
    __syncthreads();   // every strand's part is there
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    for (int strand = 0; strand < STRANDS; strand++) sum = add(sum, parts[strand][lane]);
    return sum;
}

__device__ __forceinline__ float add_square(float difference, float sum) { return fmaf(difference, difference, sum); }

// Up to four values, as many as there are channels left.
__device__ __forceinline__ void store_four(float* to, const float4& values, int left, bool in_one)
{
    if (in_one) {
        *(float4*)to = values;
        return;
    }
    to[0] = values.x;
    if (left > 1) to[1] = values.y;
    if (left > 2) to[2] = values.z;
    if (left > 3) to[3] = values.w;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
pool(const float* __restrict__ x, const Utterance* __restrict__ utterances, float* __restrict__ y, long long first_row, int columns)
{
    __shared__ float4 parts[1 + DEVIATION][STRANDS][LANES];
    const long long frames = utterances[blockIdx.x].frames;
    const int strand = threadIdx.x / LANES, column = blockIdx.y * CHANNELS + 4 * (threadIdx.x % LANES);
    const int left = columns - column;   // threads with no channel still meet the others at the barriers
    const bool in_one = columns % 4 == 0;
    const float* own = x + utterances[blockIdx.x].first_frame * columns + column;

    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    #pragma unroll 4
    for (long long frame = strand; frame < frames && left > 0; frame += STRANDS) sum = add(sum, load_four(own + frame * columns, left, in_one));
    sum = sum_of_strands(sum, parts[0]);
    const float4 mean = make_float4(sum.x / frames, sum.y / frames, sum.z / frames, sum.w / frames);
#if DEVIATION
    float4 squares = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    #pragma unroll 4
    for (long long frame = strand; frame < frames && left > 0; frame += STRANDS) {
        const float4 values = load_four(own + frame * columns, left, in_one);
        squares = make_float4(add_square(values.x - mean.x, squares.x), add_square(values.y - mean.y, squares.y),
                              add_square(values.z - mean.z, squares.z), add_square(values.w - mean.w, squares.w));
    }
    squares = sum_of_strands(squares, parts[1]);
#endif
    if (strand > 0 || left <= 0) return;
    y += (first_row + blockIdx.x) * columns * (1 + DEVIATION) + column;
    store_four(y, mean, left, in_one);
#if DEVIATION
    const float others = frames > 1 ? frames - 1 : 1;   // a single frame is its mean
    store_four(y + columns, make_float4(sqrtf(squares.x / others), sqrtf(squares.y / others), sqrtf(squares.z / others), sqrtf(squares.w / others)), left, in_one);
#endif
}
