// y[r][c] = GELU(norm(shift[c] + sum over k of taps[k][c] * x[s r + k])), the first convolution: one channel of samples in,
// C out. Row r is a row of the packed level 1, of which y is a stretch; an utterance's own row r sees its samples s r ...
// s r + k - 1 (s = S, k = K), and a row that has no such window is zero: every row of y is written.
// -D GROUP_NORM: taps [count, K + 1, C] float, of group_norm_fold: each utterance has its own, with the norm in them.
//   Else [K + 1, C] float for all. The last row is the shift.
// -D LAYER_NORM: norm over the C channels of a row, gain and bias [C] float; else null, and no norm here.
// y [rows, C] Out, its first row packed row first_row. C any value, any number of rows.
// One warp ROWS neighbouring rows, WARPS warps a block. A slot has ROWS_OF_SLOT rows, a multiple of ROWS, and is of one
// utterance, so a warp needs one set of taps; each value of it, out of the cache, serves ROWS rows. The samples of a warp's
// windows and all its results are in registers: no shared memory, no barrier. Which rows go together follows from the packed
// level, but a row's bits do not: each is summed on its own, tap after tap.
// float32 (samples, sums, statistics in two passes), whatever Out is: half-precision samples lose speech on an offset.
// rows * C * sizeof(Out) bytes out, 4 S a row in; 2 K FLOPs an element, some 25 more for GELU, 8 for the norm: bound by
// writing, with erf close behind.
#include "common/packed_batch.cuh"
#include "common/row.cuh"

static_assert(ROWS_OF_SLOT % ROWS == 0, "a warp's rows are of one slot");
static_assert(WARPS <= 8, "256 threads leave each the 255 registers that wide rows want");
constexpr int SAMPLES = (ROWS - 1) * S + K;   // that a warp's windows see
constexpr int UNROLLED = K <= 64 ? K : 1;     // taps; more would not fit the registers and take seconds to compile

extern "C" __global__ void __launch_bounds__(32 * WARPS)
first_conv(const Utterance* __restrict__ utterances, int count, const float* __restrict__ taps, const float* __restrict__ gain,
           const float* __restrict__ bias, Out* __restrict__ y, long long first_row, long long rows, float eps)
{
    const long long group = first_row / ROWS + (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    const long long first = group * ROWS;   // of this warp's rows, in the packed level
    if (first >= first_row + rows) return;

    const long long slot = first / ROWS_OF_SLOT;
    const int index = utterance_at(utterances, count, slot);
    const Utterance utterance = utterances[index];
    const long long local = first - utterance.first_slot * ROWS_OF_SLOT, windows = (utterance.sample_count - K) / S + 1;
#ifdef GROUP_NORM
    taps += (long long)index * (K + 1) * C;
#endif

    float x[SAMPLES];
    #pragma unroll
    for (int i = 0; i < SAMPLES; i++) x[i] = local * S + i < utterance.sample_count ? utterance.samples[local * S + i] : 0.0f;

    Row sums[ROWS];
    #pragma unroll
    for (int pack = 0; pack < PACKS; pack++) {
        const int channel = Row::channel(pack);
        if (channel >= C) continue;
        const Packed<float, WIDTH> shift = load_packed<WIDTH>(taps + K * C + channel);
        #pragma unroll
        for (int row = 0; row < ROWS; row++) {
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) sums[row].values[pack][i] = shift.values[i];
        }
        #pragma unroll UNROLLED
        for (int k = 0; k < K; k++) {
            const Packed<float, WIDTH> tap = load_packed<WIDTH>(taps + k * C + channel);
            #pragma unroll
            for (int row = 0; row < ROWS; row++) {
                #pragma unroll
                for (int i = 0; i < WIDTH; i++) {
                    float& sum = sums[row].values[pack][i];
                    sum = fmaf(x[row * S + k], tap.values[i], sum);
                }
            }
        }
    }

    #pragma unroll
    for (int row = 0; row < ROWS; row++) {
#ifdef LAYER_NORM
        sums[row].normalize(gain, bias, eps);
#endif
        sums[row].gelu();
        if (local + row >= windows) sums[row].clear();
        const long long to = first + row - first_row;
        if (to >= 0 && to < rows) sums[row].store(y + to * C);
    }
}
