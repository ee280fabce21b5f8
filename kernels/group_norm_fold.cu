// GroupNorm of the first convolution (one group a channel, statistics over an utterance's time) folded into its taps. A
// channel is linear in windows of K samples, S apart: z = w . x. So its mean over the windows is w . E[x] and its variance
// w^T (E[x x^T] - E[x] E[x]^T) w, and the convolution's output, 100 times as large as the waveform, is never looked at.
// Two kernels, and chunk_sums between them; float64 throughout, as E[x x^T] - E[x] E[x]^T cancels.
//
// window_moments: partial[u][p][c] = sum over the windows x of utterance u's chunk c of x_a x_b, for the pairs p = (a, b),
//   b <= a <= K, with x_K = 1: so the last K sums are of the samples alone. Pairs lie row after row of the lower triangle;
//   the last one, (K, K), would count windows and is left out. Only whole windows count.
//   partial [count, PAIRS, chunks] double. A chunk is WINDOWS windows of an utterance, counted from its own first one; zeros
//   behind its end. One block a chunk, THREADS threads, a pair each: its sum is one chain in the order of time.
//   Samples become float64 once, in shared memory. PAIRS = 65 multiply-adds and 4 S bytes a window: for an hour of audio
//   7.5e8 and 230 MB, bound by shared memory, or by float64 where that has a 64th of the float32 rate.
//
// group_norm_fold: folded[u][k] = taps[k] * scale, folded[u][K] = bias - mean * scale, scale = gain / sqrt(var + eps), for
//   each channel. taps [K + 1, C] float, its last row the convolution's bias, which the norm takes out again; gain and bias
//   [C] float; sums [count, PAIRS] double; folded [count, K + 1, C] float.
//   One thread a channel of an utterance, THREADS a block. 6 * PAIRS float64 operations a channel: bound by latency.
#include "common/packed_batch.cuh"

constexpr int PAIRS = (K + 1) * (K + 2) / 2 - 1;

__device__ __forceinline__ long long windows_of(const Utterance& utterance) { return (utterance.sample_count - K) / S + 1; }

constexpr int SAMPLES = (WINDOWS - 1) * S + K;   // of a chunk
static_assert((SAMPLES + 1) * sizeof(double) <= 48 * 1024, "a chunk's samples lie in static shared memory");

extern "C" __global__ void __launch_bounds__(THREADS)
window_moments(const Utterance* __restrict__ utterances, double* __restrict__ partial, int chunks)
{
    const int index = blockIdx.x / chunks, chunk = blockIdx.x % chunks;
    const Utterance utterance = utterances[index];
    const long long first = (long long)chunk * WINDOWS, left = windows_of(utterance) - first;
    const int windows = left < 0 ? 0 : left < WINDOWS ? (int)left : WINDOWS;

    __shared__ double samples[SAMPLES + 1];
    for (int i = threadIdx.x; windows > 0 && i < (windows - 1) * S + K; i += THREADS) samples[i] = utterance.samples[first * S + i];
    if (threadIdx.x == 0) samples[SAMPLES] = 1.0;
    __syncthreads();   // all samples are there before any pair is summed

    for (int pair = threadIdx.x; pair < PAIRS; pair += THREADS) {
        int a = 0, b = pair;
        while (b > a) b -= ++a;
        const double* xa = a < K ? samples + a : samples + SAMPLES;
        const double* xb = samples + b;
        const int step = a < K ? S : 0;
        double sum = 0.0;
        #pragma unroll 4
        for (int window = 0; window < windows; window++) sum = fma(xa[window * step], xb[window * S], sum);
        partial[((long long)index * PAIRS + pair) * chunks + chunk] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
group_norm_fold(const Utterance* __restrict__ utterances, int count, const double* __restrict__ sums, const float* __restrict__ taps,
                const float* __restrict__ gain, const float* __restrict__ bias, float* __restrict__ folded, float eps)
{
    const long long thread = (long long)blockIdx.x * THREADS + threadIdx.x;
    const int index = (int)(thread / C), channel = (int)(thread % C);
    if (index >= count) return;
    const double share = 1.0 / (double)windows_of(utterances[index]);
    const double* products = sums + (long long)index * PAIRS;   // [PAIRS]
    const double* firsts = products + PAIRS - K;                // [K]
    taps += channel;                                            // [K + 1] rows of C
    folded += (long long)index * (K + 1) * C + channel;         // [K + 1] rows of C

    double mean = 0.0, variance = 0.0;
    for (int a = 0; a < K; a++) {
        const double wa = (double)taps[a * C], mean_a = firsts[a] * share;
        double row = 0.0;   // half of the triangle's row: what lies off the diagonal counts twice
        for (int b = 0; b < a; b++) row = fma((double)taps[b * C], fma(-mean_a, firsts[b] * share, *products++ * share), row);
        const double square = fma(-mean_a, mean_a, *products++ * share);
        mean = fma(wa, mean_a, mean);
        variance = fma(wa, fma(wa, square, 2.0 * row), variance);
    }

    const double scale = (double)gain[channel] / sqrt(fmax(variance, 0.0) + (double)eps);
    for (int k = 0; k < K; k++) folded[k * C] = (float)((double)taps[k * C] * scale);
    folded[K * C] = (float)fma(-mean, scale, (double)bias[channel]);
}
