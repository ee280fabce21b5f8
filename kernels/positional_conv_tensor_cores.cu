// y[t, o] = x[t, o] + GELU(bias[o] + sum over taps k and inputs i of x[t - KERNEL / 2 + k, i] * w[k, i, o]) as in positional_conv.cu,
// with x and w rounded to Operands under the sum: i and o channels of one group, t and what the sum reads frames of one utterance;
// outside it x counts as zero. An even kernel sees one frame more to the left than to the right.
// x, y [frames, GROUPS * CHANNELS] float, not in place; bias [GROUPS * CHANNELS] float.
// weights [GROUPS][BLOCKS][WARPS][pass of inputs][pass of taps][SLICES of 16 inputs][TAPS][lane][8] Operands, zeros where a group has no
// such input, tap or output, and AHEAD taps of zeros behind them all. A lane's 8 values are what it gives to two multiply_add: with
// g = lane / 4 and t = lane % 4 inputs 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of column g, first of the one product, then of the other.
// Columns 2 t and 2 t + 1 are outputs 4 t and 4 t + 1 in the one, 4 t + 2 and 4 t + 3 in the other: a lane's sums are neighbours.
// A block has a tile's frames (grid.x) of 1 of BLOCKS parts of a group's outputs (grid.y), each of its warps all of the frames and 16
// of the outputs. So no two warps want the same weights, not even two lanes: a lane copies its own 16 bytes a tap to a ring of its own
// in shared memory, AHEAD taps before it needs them, and waits for nobody else. The warps share the window of x, in shared memory,
// rounded: all inputs and taps where they fit, else a pass for each part of them.
// A fragment of 16 frames is no run of neighbours: fragment i has frames i, i + FRAGMENTS, i + 2 FRAGMENTS, ... One tap on, it reads
// just what fragment i + 1 has read, so a tap costs one fragment from shared memory and 2 FRAGMENTS products.
// Sums, bias, GELU and the x they are added to: float32. One order of summation: passes of inputs, passes of taps, slices, taps.
// 2 * KERNEL * CHANNELS FLOPs an output; 128 frames share the weights, 2 * KERNEL * CHANNELS bytes an output, from the second cache:
// bound by the tensor cores. For 16 products, 32 cycles of an SM of sm_80, shared memory is busy 12.
#include "common/gelu.cuh"
#include "common/half.cuh"
#include "common/packed.cuh"
#include "common/packed_batch.cuh"

constexpr int THREADS = 32 * WARPS;
constexpr int UNROLLED = 8;          // taps, after which every fragment is back in its registers and the ring at its beginning
constexpr int SLOTS = AHEAD + 1;     // of the ring: what a lane has just read is not overwritten before it is computed with
constexpr int INPUTS = 16 * SLICES;  // of a pass
constexpr int ROW = 2 * SLICES + 1;  // uint4 of a frame; odd, so that eight rows one after another have no bank in common
constexpr int STEPS = (CHANNELS + INPUTS - 1) / INPUTS * SLICES * ((KERNEL + TAPS - 1) / TAPS) * TAPS;   // taps of all passes and slices
static_assert(TILE_FRAMES == 128, "the most frames that the sums of a warp have registers for");
static_assert(TAPS % UNROLLED == 0 && UNROLLED % SLOTS == 0, "the inner loop ends where it began");
static_assert(CHANNELS % WIDTH == 0 && 4 % WIDTH == 0, "no access to x or y straddles two groups or lanes");
static_assert(16 * WARPS * BLOCKS >= CHANNELS, "each output has its warp");

// Rows from one frame of a window to the next. Those FRAGMENTS apart lie together: frame n is row n % FRAGMENTS * PHASE + n / FRAGMENTS.
template <int FRAGMENTS> constexpr int PHASE = 16 + TAPS / FRAGMENTS;

// Frames `first` and on of a pass's inputs; zeros outside the utterance and the group.
template <int FRAGMENTS>
__device__ __forceinline__ void load_window(uint4* window, const float* x, long long columns, long long first, long long frames, int first_input)
{
    constexpr int ACROSS = INPUTS / WIDTH;
    #pragma unroll 4
    for (int i = threadIdx.x; i < FRAGMENTS * PHASE<FRAGMENTS> * ACROSS; i += THREADS) {
        const int n = i / ACROSS, input = i % ACROSS * WIDTH;
        const long long frame = first + n;
        const bool inside = frame >= 0 && frame < frames && first_input + input < CHANNELS;
        const Packed<float, WIDTH> values = inside ? load_packed<WIDTH>(x + frame * columns + first_input + input) : Packed<float, WIDTH>{};
        Packed<Operands, WIDTH> rounded;
        #pragma unroll
        for (int v = 0; v < WIDTH; v++) rounded.values[v] = (Operands)values.values[v];
        Operands* row = reinterpret_cast<Operands*>(window + (n % FRAGMENTS * PHASE<FRAGMENTS> + n / FRAGMENTS) * ROW);
        *reinterpret_cast<Packed<Operands, WIDTH>*>(row + input) = rounded;
    }
}

// Starts the copy of a tap's weights into this lane's part of the ring.
__device__ __forceinline__ void copy_weights(uint4* ring, const uint4* weights, int tap)
{
    copy_async_16(ring + 32 * (tap % SLOTS), weights + 32 * tap);
    copy_async_commit();
}

// sums += all taps of the 16 inputs of a slice, which begin at `row` of a window for this lane; weights go on to the slice after.
template <int FRAGMENTS>
__device__ __forceinline__ void add_slice(float (&sums)[FRAGMENTS][2][4], const uint4* row, uint4* ring, const uint4*& weights)
{
    unsigned seen[FRAGMENTS][4];
    #pragma unroll
    for (int i = 0; i < FRAGMENTS - 1; i++) load_matrix_x4(seen[i], row + i * PHASE<FRAGMENTS> * ROW);
    #pragma unroll 1
    for (int first_tap = 0; first_tap < TAPS; first_tap += UNROLLED) {
        #pragma unroll
        for (int tap = 0; tap < UNROLLED; tap++) {
            const int newest = tap + FRAGMENTS - 1;
            load_matrix_x4(seen[newest % FRAGMENTS], row + (newest % FRAGMENTS * PHASE<FRAGMENTS> + newest / FRAGMENTS) * ROW);
            copy_async_wait<AHEAD - 1>();
            const uint4 weight = ring[32 * (tap % SLOTS)];   // what this lane copied itself
            copy_weights(ring, weights, tap + AHEAD);
            #pragma unroll
            for (int i = 0; i < FRAGMENTS; i++) {
                multiply_add<Operands>(sums[i][0], seen[(tap + i) % FRAGMENTS], weight.x, weight.y);
                multiply_add<Operands>(sums[i][1], seen[(tap + i) % FRAGMENTS], weight.z, weight.w);
            }
        }
        row += UNROLLED / FRAGMENTS * ROW;
        weights += 32 * UNROLLED;
    }
}

// y = x + GELU(bias + sums) at the lane's outputs, four from `output` on as far as there are so many, of frames `first` and on.
template <int FRAGMENTS>
__device__ __forceinline__ void store(const float (&sums)[FRAGMENTS][2][4], const float* x, const float* bias, float* y,
                                      long long columns, long long first, long long frames, int output)
{
    #pragma unroll
    for (int v = 0; v < 4; v += WIDTH) {
        if (output + v >= CHANNELS) return;
        const Packed<float, WIDTH> shift = load_packed<WIDTH>(bias + output + v);
        #pragma unroll
        for (int half = 0; half < 2; half++) {
            const long long own = first + FRAGMENTS * (threadIdx.x % 32 / 4 + 8 * half);   // and FRAGMENTS - 1 behind it
            const int count = (int)min(frames - own, (long long)FRAGMENTS);
            const float* from = x + own * columns + output + v;
            float* to = y + own * columns + output + v;
            Packed<float, WIDTH> values[FRAGMENTS];   // all of x first: one wait, not one a frame
            #pragma unroll
            for (int i = 0; i < FRAGMENTS; i++, from += columns)
                if (i < count) values[i] = load_packed<WIDTH>(from);
            #pragma unroll
            for (int i = 0; i < FRAGMENTS; i++, to += columns) {
                #pragma unroll
                for (int n = 0; n < WIDTH; n++) values[i].values[n] += gelu_erf(sums[i][(v + n) / 2][2 * half + (v + n) % 2] + shift.values[n]);
                if (i < count) store_packed(to, values[i]);
            }
        }
    }
}

// Up to 16 * FRAGMENTS frames, `first` and on, of the warp's outputs. x, bias and y begin at the utterance and the group, weights at the lane's.
template <int FRAGMENTS>
__device__ __forceinline__ void convolve(uint4* window, uint4* ring, const float* x, const uint4* weights, const float* bias, float* y,
                                         long long columns, long long first, long long frames)
{
    const int lane = threadIdx.x % 32;
    float sums[FRAGMENTS][2][4] = {};
    #pragma unroll
    for (int tap = 0; tap < AHEAD; tap++) copy_weights(ring, weights, tap);

    #pragma unroll 1
    for (int first_input = 0; first_input < CHANNELS; first_input += INPUTS) {
        #pragma unroll 1
        for (int first_tap = 0; first_tap < KERNEL; first_tap += TAPS) {
            __syncthreads();   // the window of the pass before has been read
            load_window<FRAGMENTS>(window, x, columns, first + first_tap - KERNEL / 2, frames, first_input);
            __syncthreads();   // every thread's part of the window is there
            #pragma unroll 1
            for (int slice = 0; slice < SLICES; slice++) add_slice(sums, window + lane % 16 * ROW + 2 * slice + lane / 16, ring, weights);
        }
    }
    store(sums, x, bias, y, columns, first, frames, (blockIdx.y % BLOCKS * WARPS + threadIdx.x / 32) * 16 + lane % 4 * 4);
}

// Twelve warps on a multiprocessor: 64 sums and 32 registers of fragments leave room for no more.
extern "C" __global__ void __launch_bounds__(THREADS, 12 / WARPS)
positional_conv_tensor_cores(const float* __restrict__ x, const uint4* __restrict__ weights, const float* __restrict__ bias,
                             const Tile* __restrict__ tiles, const Utterance* __restrict__ utterances, float* __restrict__ y)
{
    __shared__ uint4 window[(TILE_FRAMES + TAPS) * ROW], rings[WARPS][SLOTS][32];

    const Tile tile = tiles[blockIdx.x];
    const long long frames = utterances[tile.utterance].frames, left = frames - tile.first;
    const int group = blockIdx.y / BLOCKS;
    const long long columns = gridDim.y / BLOCKS * CHANNELS, own = utterances[tile.utterance].first_frame * columns + group * CHANNELS;
    x += own, bias += group * CHANNELS, y += own;
    uint4* ring = &rings[threadIdx.x / 32][0][threadIdx.x % 32];
    weights += ((long long)blockIdx.y * WARPS + threadIdx.x / 32) * STEPS * 32 + threadIdx.x % 32;

    // The fewest fragments that hold what is left of the utterance.
    if (left > 64) convolve<8>(window, ring, x, weights, bias, y, columns, tile.first, frames);
    else if (left > 32) convolve<4>(window, ring, x, weights, bias, y, columns, tile.first, frames);
    else if (left > 16) convolve<2>(window, ring, x, weights, bias, y, columns, tile.first, frames);
    else convolve<1>(window, ring, x, weights, bias, y, columns, tile.first, frames);
}
