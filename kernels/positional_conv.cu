// y[t, o] = x[t, o] + GELU(bias[o] + sum over taps k and inputs i of x[t - KERNEL / 2 + k, i] * w[k, i, o]), i and o channels of
// one group, t and what the sum reads frames of one utterance; outside it x counts as zero. An even kernel sees one frame more
// to the left than to the right.
// x, y [frames, GROUPS * CHANNELS] float, not in place; bias [GROUPS * CHANNELS] float.
// weights [GROUPS][BLOCKS][slice of INPUTS inputs][chunk of TAPS taps][INPUTS][TAPS][4 * FOURS outputs] float, zeros where a
// group has no such input, tap or output: what a block reads in one step lies together.
// A block has a tile's frames (grid.x) of 1 of BLOCKS parts of a group's outputs (grid.y), at most 64 of them. It goes over the
// inputs in slices and, for each, over the taps in chunks: the slice's window of frames is in shared memory, channel by channel,
// and the next chunk's weights arrive while this one is computed with. A thread has 8 frames of 4 outputs; the 15 values that 8
// taps of 8 frames read stay in registers: 12 loads of 16 bytes for 256 FMAs.
// float32, one order of summation: slices, chunks, inputs, taps.
// 2 * KERNEL * CHANNELS FLOPs an output; 64 frames share the weights, 4 * KERNEL * CHANNELS bytes an output, from the second
// cache: bound by FMA; of the 64 cycles that an SM needs for a warp's 256 FMAs, shared memory is busy 16.
#include "common/gelu.cuh"
#include "common/packed_batch.cuh"
#include "common/ptx.cuh"

constexpr int FRAMES = 8;                                 // a thread's, one after another
constexpr int DOWN = TILE_FRAMES / FRAMES;                // threads over a tile's frames
constexpr int THREADS = (DOWN * FOURS + 31) / 32 * 32;    // FOURS over a block's outputs; those that are left only copy
constexpr int SLICES = (CHANNELS + INPUTS - 1) / INPUTS, CHUNKS = (KERNEL + TAPS - 1) / TAPS, STEPS = SLICES * CHUNKS;
constexpr int WINDOW = TILE_FRAMES + CHUNKS * TAPS;       // frames that a tile reads, and one more
constexpr int WEIGHTS = INPUTS * TAPS * FOURS;            // float4 of a step
static_assert(TAPS % 4 == 0 && FRAMES % 4 == 0, "the window is read in float4");
static_assert(4 * FOURS * BLOCKS >= CHANNELS, "each output has its block");

// Frames `first` and on of a slice's channels, channel by channel; zeros outside the utterance and the group.
__device__ __forceinline__ void load_window(float* window, const float* x, int stride, long long first, long long frames, int first_input)
{
    for (int i = threadIdx.x; i < INPUTS * WINDOW; i += THREADS) {
        const int input = i % INPUTS, n = i / INPUTS;
        const long long frame = first + n;
        const bool inside = frame >= 0 && frame < frames && first_input + input < CHANNELS;
        window[input * WINDOW + n] = inside ? x[frame * stride + first_input + input] : 0.0f;
    }
}

// Four blocks on a multiprocessor, as their shared memory allows: left to itself ptxas aims at more and has too few registers.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
positional_conv(const float* __restrict__ x, const float4* __restrict__ weights, const float* __restrict__ bias,
                const Tile* __restrict__ tiles, const Utterance* __restrict__ utterances, float* __restrict__ y)
{
    __shared__ float4 step_weights[2][WEIGHTS];             // [INPUTS][TAPS][FOURS]
    __shared__ float4 windows[2][INPUTS * WINDOW / 4];      // [INPUTS][WINDOW] float

    const Tile tile = tiles[blockIdx.x];
    const long long frames = utterances[tile.utterance].frames, first_frame = utterances[tile.utterance].first_frame;
    const int group = blockIdx.y / BLOCKS, columns = gridDim.y / BLOCKS * CHANNELS;
    const int down = threadIdx.x % DOWN, across = min((int)threadIdx.x / DOWN, FOURS - 1);
    const float* own = x + first_frame * columns + group * CHANNELS;
    weights += (long long)blockIdx.y * STEPS * WEIGHTS;

    const auto start = [&](int step) {
        for (int i = threadIdx.x; i < WEIGHTS; i += THREADS) copy_async_16(&step_weights[step % 2][i], weights + (long long)step * WEIGHTS + i);
        copy_async_commit();
        const int slice = step / CHUNKS;
        if (step % CHUNKS == 0) load_window((float*)windows[slice % 2], own, columns, tile.first - KERNEL / 2, frames, slice * INPUTS);
    };

    float sum[FRAMES][4] = {};
    start(0);
    for (int step = 0; step < STEPS; step++) {
        copy_async_wait<0>();
        __syncthreads();   // every thread's part of this step's weights and window is there; what the next one overwrites has been read
        if (step + 1 < STEPS) start(step + 1);

        const float4* window = windows[step / CHUNKS % 2] + (step % CHUNKS * TAPS + down * FRAMES) / 4;
        const float4* taps = step_weights[step % 2] + across;
        #pragma unroll 1
        for (int input = 0; input < INPUTS; input++) {
            float seen[FRAMES + TAPS];
            #pragma unroll
            for (int n = 0; n < FRAMES + TAPS; n += 4) {
                const float4 four = window[(input * WINDOW + n) / 4];
                seen[n] = four.x, seen[n + 1] = four.y, seen[n + 2] = four.z, seen[n + 3] = four.w;
            }
            #pragma unroll
            for (int tap = 0; tap < TAPS; tap++) {
                const float4 weight = taps[(input * TAPS + tap) * FOURS];
                #pragma unroll
                for (int f = 0; f < FRAMES; f++) {
                    sum[f][0] = fmaf(seen[f + tap], weight.x, sum[f][0]);
                    sum[f][1] = fmaf(seen[f + tap], weight.y, sum[f][1]);
                    sum[f][2] = fmaf(seen[f + tap], weight.z, sum[f][2]);
                    sum[f][3] = fmaf(seen[f + tap], weight.w, sum[f][3]);
                }
            }
        }
    }

    if ((int)threadIdx.x / DOWN >= FOURS) return;
    #pragma unroll
    for (int f = 0; f < FRAMES; f++) {
        const long long frame = tile.first + down * FRAMES + f;
        const long long at = (first_frame + frame) * columns + group * CHANNELS;
        #pragma unroll
        for (int n = 0; n < 4; n++) {
            const int output = (blockIdx.y % BLOCKS * FOURS + across) * 4 + n;
            if (frame < frames && output < CHANNELS) y[at + output] = x[at + output] + gelu_erf(sum[f][n] + bias[group * CHANNELS + output]);
        }
    }
}
