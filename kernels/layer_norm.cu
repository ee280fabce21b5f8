// y = (x - mean) / sqrt(var + eps) * gain + bias over the C channels of a row; var is the biased variance (/ C).
// x [rows, C] In, y [rows, C] Out, gain and bias [C] float; rows are packed frames, any number; C any value. y may be x.
// x_bias [C] float, or null: added to x first, the bias of a convolution in front of the norm.
// operands [rows, C] Operands, or null: y once more, as the next matmul wants it.
// -D GELU: y = GELU(the above), as the front end wants it.
// -D HEADS=n: the gates of the attention that reads y, [rows, HEADS] float, from y before it is rounded. With u_h head h's
//   part of y, a = sigmoid(u_h . row0 + b0) and c = sigmoid(u_h . row1 + b1): gate = a (c const_h - 1) + 2.
//   gate_rows [2, C / HEADS], gate_biases [2], gate_constants [HEADS], all float; null without HEADS, like gates.
// One warp a row, WARPS rows a block. The row stays in registers, so global memory is read once and written once, and in
// place is safe: a lane writes only what it alone has read. The gates go through shared memory, where eight lanes share a
// head, four heads at a time: in registers a head's part lies across lanes in as many ways as there are widths.
// float32, statistics in two passes.
// rows * C * (sizeof(In) + sizeof(Out)) bytes, more by sizeof(Operands) where they are wanted; 8 FLOPs an element, 4 more
// for the gates, some 25 for GELU: bound by memory.
#include "common/row.cuh"

static_assert(WARPS <= 8, "256 threads leave each the 255 registers that a wide row wants");

#ifdef HEADS
static_assert(C % HEADS == 0, "heads divide the row");
constexpr int HEAD_WIDTH = C / HEADS;
constexpr int HEAD_LANES = 8;
// At widths 64 and 80 the four heads that a warp reads at a time lie in different banks so.
constexpr int HEAD_STRIDE = HEAD_WIDTH + 8;
static_assert(WARPS * HEADS * HEAD_STRIDE * sizeof(float) <= 48 * 1024, "static shared memory");

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ __forceinline__ void write_gates(const Row& u, float* shared, const float* __restrict__ rows,
                                            const float* __restrict__ biases, const float* __restrict__ constants, float* gates)
{
    #pragma unroll
    for (int pack = 0; pack < PACKS; pack++) {
        #pragma unroll
        for (int i = 0; i < WIDTH; i++) {
            const int channel = Row::channel(pack) + i;
            if (channel < C) shared[channel / HEAD_WIDTH * HEAD_STRIDE + channel % HEAD_WIDTH] = u.values[pack][i];
        }
    }
    __syncwarp();   // the whole row is there before another lane reads it

    const int part = threadIdx.x % HEAD_LANES;
    for (int first = 0; first < HEADS; first += 32 / HEAD_LANES) {
        const int head = first + threadIdx.x % 32 / HEAD_LANES;
        float s0 = 0.0f, s1 = 0.0f;
        if (head < HEADS) {
            for (int k = part; k < HEAD_WIDTH; k += HEAD_LANES) {
                const float value = shared[head * HEAD_STRIDE + k];
                s0 = fmaf(value, rows[k], s0);
                s1 = fmaf(value, rows[HEAD_WIDTH + k], s1);
            }
        }
        // Lanes without a head take part: a shuffle wants the whole warp.
        #pragma unroll
        for (int distance = HEAD_LANES / 2; distance > 0; distance /= 2) {
            s0 += __shfl_xor_sync(0xffffffffu, s0, distance);
            s1 += __shfl_xor_sync(0xffffffffu, s1, distance);
        }
        if (part == 0 && head < HEADS) {
            const float a = sigmoid(s0 + biases[0]), c = sigmoid(s1 + biases[1]);
            gates[head] = fmaf(a, fmaf(c, constants[head], -1.0f), 2.0f);
        }
    }
}
#endif

extern "C" __global__ void __launch_bounds__(32 * WARPS)
layer_norm(const In* x, const float* __restrict__ x_bias, const float* __restrict__ gain, const float* __restrict__ bias,
           Out* y, Operands* operands, const float* __restrict__ gate_rows, const float* __restrict__ gate_biases,
           const float* __restrict__ gate_constants, float* gates, long long rows, float eps)
{
    const long long row = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
    if (row >= rows) return;   // the whole warp leaves together, and no block barrier follows

    Row values;
    values.load(x + row * C);
    if (x_bias) values.add(x_bias);
    values.normalize(gain, bias, eps);
#ifdef GELU
    values.gelu();
#endif
    // In this order: the other way round NVRTC 11.8 keeps rows of 768 in 72 registers and spills one more.
    if (operands) values.store(operands + row * C);
    values.store(y + row * C);
#ifdef HEADS
    __shared__ float shared_rows[WARPS][HEADS * HEAD_STRIDE];
    write_gates(values, shared_rows[threadIdx.x / 32], gate_rows, gate_biases, gate_constants, gates + row * HEADS);
#endif
}
