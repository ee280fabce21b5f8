// y = GELU(x + bias), with erf, element by element.
// x [rows, C] In, y [rows, C] Out; rows any number, C any value. y may be x.
// bias [C] float, or null where there is none.
// One thread WIDTH neighbours of a row, THREADS a block: whole lines in, whole lines out.
// float32; the sum with the bias is rounded before GELU, as the formula says.
// rows * C * (sizeof(In) + sizeof(Out)) bytes, some 25 FLOPs an element: bound by memory, with erf close behind.
#include "common/gelu.cuh"
#include "common/half.cuh"
#include "common/packed.cuh"

static_assert(C % WIDTH == 0, "a thread's values are of one row");

extern "C" __global__ void __launch_bounds__(THREADS)
gelu(const In* x, const float* __restrict__ bias, Out* y, long long rows)
{
    const long long first = ((long long)blockIdx.x * THREADS + threadIdx.x) * WIDTH;
    if (first >= rows * C) return;

    const Packed<In, WIDTH> from = load_packed<WIDTH>(x + first);
    Packed<float, WIDTH> shift = {};
    if (bias) shift = load_packed<WIDTH>(bias + first % C);
    Packed<Out, WIDTH> to;
    #pragma unroll
    for (int i = 0; i < WIDTH; i++) to.values[i] = (Out)gelu_erf((float)from.values[i] + shift.values[i]);
    store_packed(y + first, to);
}
