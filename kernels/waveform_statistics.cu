// partial[u][c] = sum over the samples x of utterance u's chunk c of x, or with -D SQUARES of (x - mean_u)^2, where
// mean_u = sums[u] / samples of u. In two passes, as layer norms are, and over all samples, those too that reach no frame.
// A chunk is CHUNK samples of an utterance, counted from its own first one; behind its end a chunk's sum is zero.
// sums [count] double (with SQUARES, else null), partial [count, chunks] double; chunks covers the longest utterance.
// One block a chunk, THREADS threads; thread t adds samples t, t + THREADS, ... in order, then lanes, then warps.
// float64: the mean of an hour in float32 would be wrong in half of its bits. 4 bytes a sample, and 2 float64 operations,
// with SQUARES 3 (the conversion is one): bound by memory; where float64 has a 64th of the float32 rate, by both alike.
#include "common/packed_batch.cuh"
#include "common/warp.cuh"

static_assert(CHUNK % THREADS == 0 && THREADS % 32 == 0, "whole warps, and as many samples for each thread");

extern "C" __global__ void __launch_bounds__(THREADS)
waveform_statistics(const Utterance* __restrict__ utterances, const double* __restrict__ sums, double* __restrict__ partial, int chunks)
{
    const int index = blockIdx.x / chunks;
    const Utterance utterance = utterances[index];
    const long long first = (long long)(blockIdx.x % chunks) * CHUNK;
#ifdef SQUARES
    const double mean = sums[index] / (double)utterance.sample_count;
#endif

    double sum = 0.0;
    #pragma unroll 8
    for (int j = 0; j < CHUNK; j += THREADS) {
        const long long i = first + j + threadIdx.x;
        if (i >= utterance.sample_count) continue;   // not break: eight loads are under way at a time so
#ifdef SQUARES
        const double centered = (double)utterance.samples[i] - mean;
        sum = fma(centered, centered, sum);
#else
        sum += (double)utterance.samples[i];
#endif
    }

    __shared__ double warps[THREADS / 32];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    __syncthreads();   // every warp's sum is there before the first thread adds them up
    if (threadIdx.x > 0) return;
    double total = 0.0;
    for (int warp = 0; warp < THREADS / 32; warp++) total += warps[warp];
    partial[blockIdx.x] = total;
}
