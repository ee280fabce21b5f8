// sum = weight * x with FIRST=1, else sum += weight * x, element by element: the layers come one after the other.
// x, sum [count] float. A thread has a float4, the last one what is left over; THREADS a block.
// float32, one rounding a layer.
// 8 bytes an element for the first layer, 12 for the others, 2 FLOPs: bound by memory.

extern "C" __global__ void __launch_bounds__(THREADS)
weighted_sum(const float* __restrict__ x, float weight, float* __restrict__ sum, long long count)
{
    const long long first = 4 * ((long long)blockIdx.x * THREADS + threadIdx.x);
    if (first + 4 <= count) {
        const float4 layer = *(const float4*)(x + first);
        const float4 before = FIRST ? make_float4(0.0f, 0.0f, 0.0f, 0.0f) : *(const float4*)(sum + first);
        *(float4*)(sum + first) = make_float4(fmaf(weight, layer.x, before.x), fmaf(weight, layer.y, before.y),
                                              fmaf(weight, layer.z, before.z), fmaf(weight, layer.w, before.w));
        return;
    }
    for (long long i = first; i < count; i++) sum[i] = fmaf(weight, x[i], FIRST ? 0.0f : sum[i]);
}
