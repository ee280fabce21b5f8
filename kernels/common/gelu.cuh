// GELU with the error function, as the models were trained; not its tanh approximation.
#pragma once

// x (1 + erf(x / sqrt 2)) / 2. NaN stays NaN.
__device__ __forceinline__ float gelu_erf(float x)
{
    const float half = 0.5f * x;
    return fmaf(half, erff(x * 0.707106781f), half);
}
