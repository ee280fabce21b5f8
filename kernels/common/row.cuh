// A row of C values in the registers of one warp. Lane l holds the packs l, l + 32, l + 64, ... of WIDTH neighbours, up to four
// where all is float, else up to eight, so the warp's accesses are whole lines. Some 3,800 channels fit (a lane has 255
// registers); the compiler puts what a wider row has too much into local memory, which is slow and right. Every operation is
// spelled out (fmaf), so that the compiler has no choice of contraction and a row's bits are the same wherever the code was
// inlined.
#pragma once
#include "common/gelu.cuh"
#include "common/half.cuh"
#include "common/packed.cuh"
#include "common/warp.cuh"

static_assert(C % WIDTH == 0, "no access straddles two rows");
constexpr int PACKS = (C / WIDTH + 31) / 32;   // of a lane; its last one may lie behind the row's end

struct Row
{
    float values[PACKS][WIDTH];

    // First channel of one of this lane's packs.
    static __device__ __forceinline__ int channel(int pack) { return (pack * 32 + (int)threadIdx.x % 32) * WIDTH; }

    template <typename T>
    __device__ __forceinline__ void load(const T* row)
    {
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            const Packed<T, WIDTH> x = load_packed<WIDTH>(row + channel(pack));
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) values[pack][i] = (float)x.values[i];
        }
    }

    template <typename T>
    __device__ __forceinline__ void store(T* row) const
    {
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            Packed<T, WIDTH> y;
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) y.values[i] = (T)values[pack][i];
            store_packed<WIDTH>(row + channel(pack), y);
        }
    }

    __device__ __forceinline__ void add(const float* __restrict__ bias)
    {
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            const Packed<float, WIDTH> b = load_packed<WIDTH>(bias + channel(pack));
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) values[pack][i] += b.values[i];
        }
    }

    // (x - mean) / sqrt(var + eps) * gain + bias, var the biased variance. Two passes: E[x^2] - E[x]^2 cancels when a row's
    // mean is large against its spread. Division and root are the exact ones, not rsqrtf: they are taken once a row.
    __device__ __forceinline__ void normalize(const float* __restrict__ gain, const float* __restrict__ bias, float eps)
    {
        float sum = 0.0f;
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) sum += values[pack][i];
        }
        const float mean = warp_sum(sum) / C;

        float squares = 0.0f;
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) {
                const float centered = values[pack][i] - mean;
                squares = fmaf(centered, centered, squares);
            }
        }
        const float scale = 1.0f / sqrtf(warp_sum(squares) / C + eps);

        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            const Packed<float, WIDTH> g = load_packed<WIDTH>(gain + channel(pack)), b = load_packed<WIDTH>(bias + channel(pack));
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) values[pack][i] = fmaf((values[pack][i] - mean) * scale, g.values[i], b.values[i]);
        }
    }

    __device__ __forceinline__ void gelu()
    {
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            if (channel(pack) >= C) continue;
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) values[pack][i] = gelu_erf(values[pack][i]);
        }
    }

    __device__ __forceinline__ void clear()
    {
        #pragma unroll
        for (int pack = 0; pack < PACKS; pack++) {
            #pragma unroll
            for (int i = 0; i < WIDTH; i++) values[pack][i] = 0.0f;
        }
    }
};
