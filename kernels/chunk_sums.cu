// sums[i] = partial[i][0] + partial[i][1] + ... : what the blocks of waveform_statistics and window_moments found in the
// chunks of an utterance, added up.
// partial [count, chunks] double, sums [count] double. Chunks behind the end of an utterance hold zeros, which change no bit
// of a sum: so it does not matter how many there are, that is, which other utterances the batch has.
// One warp a sum, WARPS a block; lane l adds chunks l, l + 32, ... in order, then the lanes are added as a tree.
// float64. 8 * count * chunks bytes and one FLOP each, for an hour of audio 12 MB: bound by latency.
#include "common/warp.cuh"

extern "C" __global__ void __launch_bounds__(32 * WARPS)
chunk_sums(const double* __restrict__ partial, double* __restrict__ sums, long long count, int chunks)
{
    const long long i = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    if (i >= count) return;

    double sum = 0.0;
    for (int chunk = threadIdx.x % 32; chunk < chunks; chunk += 32) sum += partial[i * chunks + chunk];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) sums[i] = sum;
}
