// x = (x - mean) / sqrt(var + eps) for every sample of every utterance, in place; without -D SCALE x - mean alone, for a front
// end whose GroupNorm takes every offset out again. mean = sums[u] / n, var = squares[u] / n, n the utterance's samples.
// sums, squares [count] double, of waveform_statistics and chunk_sums; squares is null without SCALE.
// One block a chunk of CHUNK samples of an utterance, THREADS threads; chunks covers the longest utterance.
// The difference and the product are taken in float64 and rounded once: speech that rides on an offset keeps its bits.
// 8 bytes a sample, and 4 float64 operations with both conversions: bound as waveform_statistics is.
#include "common/packed_batch.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
normalize_waveform(const Utterance* __restrict__ utterances, const double* __restrict__ sums, const double* __restrict__ squares,
                   int chunks, double eps)
{
    const int index = blockIdx.x / chunks;
    const Utterance utterance = utterances[index];
    const long long first = (long long)(blockIdx.x % chunks) * CHUNK;
    const double count = (double)utterance.sample_count, mean = sums[index] / count;
#ifdef SCALE
    const double scale = 1.0 / sqrt(squares[index] / count + eps);
#else
    const double scale = 1.0;
#endif

    #pragma unroll 8
    for (int j = 0; j < CHUNK; j += THREADS) {
        const long long i = first + j + threadIdx.x;
        if (i < utterance.sample_count) utterance.samples[i] = (float)(((double)utterance.samples[i] - mean) * scale);
    }
}
