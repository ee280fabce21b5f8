// Every instruction that C++ has no words for, in a function with a plain twin for the emulated device.
// The twin says what the instruction does; that both agree is for a GPU to tell.
#pragma once

// There, what lanes meet in or what touches memory learns where it was called: reports name the kernel's line, and lanes meet only in one call.
#ifdef CUDA_ON_CPU
#define CALLED_FROM , EMU_CALLER
#define CALLER , file, line
#else
#define CALLED_FROM
#define CALLER
#endif

// cp.async: 16 bytes from global to shared memory behind this thread's back; both addresses are multiples of 16.
// They are there for this thread after a wait that covers their group, for others after a barrier behind that wait.
__device__ __forceinline__ void copy_async_16(void* shared_to, const void* global_from CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_copy_async16(shared_to, global_from CALLER);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
                 :: "r"((unsigned)__cvta_generic_to_shared(shared_to)), "l"(global_from) : "memory");
#endif
}

// The same where `inside`, else 16 zeros; `global_from` is not read then, but is an address all the same.
__device__ __forceinline__ void copy_async_16_or_zeros(void* shared_to, const void* global_from, bool inside CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_copy_async16(shared_to, global_from, inside CALLER);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :: "r"((unsigned)__cvta_generic_to_shared(shared_to)), "l"(global_from), "r"(inside ? 16 : 0) : "memory");
#endif
}

// 4 bytes, at multiples of 4.
__device__ __forceinline__ void copy_async_4(void* shared_to, const void* global_from CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_copy_async4(shared_to, global_from CALLER);
#else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;"
                 :: "r"((unsigned)__cvta_generic_to_shared(shared_to)), "l"(global_from) : "memory");
#endif
}

// 16 bytes to global memory in one store, to a multiple of 16. A struct's store NVRTC takes apart where it cannot see the alignment
// through a loop's additions: into four of 4 bytes, each of which touches the same sectors.
__device__ __forceinline__ void store_16(void* global_to, unsigned a, unsigned b, unsigned c, unsigned d)
{
#ifdef CUDA_ON_CPU
    struct alignas(16) Words { unsigned a, b, c, d; };
    *reinterpret_cast<Words*>(global_to) = Words{a, b, c, d};
#else
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" :: "l"(global_to), "r"(a), "r"(b), "r"(c), "r"(d) : "memory");
#endif
}

// Closes a group: this thread's copies since the last one, possibly none.
__device__ __forceinline__ void copy_async_commit()
{
#ifdef CUDA_ON_CPU
    emu_copy_async_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until all but this thread's latest PENDING groups are there.
template <int PENDING>
__device__ __forceinline__ void copy_async_wait()
{
#ifdef CUDA_ON_CPU
    emu_copy_async_wait(PENDING);
#else
    asm volatile("cp.async.wait_group %0;" :: "n"(PENDING) : "memory");
#endif
}

// ldmatrix: four 8 x 8 matrices of 16-bit values. Lane l says where row l % 8 of matrix l / 8 begins, 16 bytes at a multiple of 16 in
// shared memory; it gets of each matrix the values 2 (l % 4) and 2 (l % 4) + 1 of row l / 4, the first in the low half.
__device__ __forceinline__ void load_matrix_x4(unsigned (&r)[4], const void* shared_row CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_load_matrix_x4(r, shared_row CALLER);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((unsigned)__cvta_generic_to_shared(shared_row)) : "memory");
#endif
}

// The same of each matrix transposed: the lane gets the values l / 4 of rows 2 (l % 4) and 2 (l % 4) + 1.
__device__ __forceinline__ void load_matrix_x4_transposed(unsigned (&r)[4], const void* shared_row CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_load_matrix_x4_transposed(r, shared_row CALLER);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"((unsigned)__cvta_generic_to_shared(shared_row)) : "memory");
#endif
}

// mma.sync: d += a b with a [16, 16] and b [16, 8] of 16-bit floats, d [16, 8] float. With g = lane / 4 and t = lane % 4 a lane holds
// of a the pairs at columns 2 t of rows g, g + 8 and at columns 2 t + 8 of rows g, g + 8; of b the pairs at rows 2 t and 2 t + 8 of
// column g; of d columns 2 t and 2 t + 1 of row g, then of row g + 8. A pair's first value is in the low half.
__device__ __forceinline__ void multiply_add_half(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1 CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_multiply_add<emu_half_value>(d, a, b0, b1 CALLER);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

__device__ __forceinline__ void multiply_add_bfloat(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1 CALLED_FROM)
{
#ifdef CUDA_ON_CPU
    emu_multiply_add<emu_bfloat_value>(d, a, b0, b1 CALLER);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// float16's bits, to nearest, ties to even; beyond 65,504 infinity.
__device__ __forceinline__ unsigned short half_bits(float x)
{
#ifdef CUDA_ON_CPU
    return emu_half_bits(x);
#else
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
#endif
}

__device__ __forceinline__ float half_value(unsigned short bits)
{
#ifdef CUDA_ON_CPU
    return emu_half_value(bits);
#else
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
#endif
}

// bfloat16's bits, to nearest, ties to even.
__device__ __forceinline__ unsigned short bfloat_bits(float x)
{
#ifdef CUDA_ON_CPU
    return emu_bfloat_bits(x);
#else
    unsigned short bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
#endif
}

// Two values rounded by one instruction, the first in the low half.
__device__ __forceinline__ unsigned half_pair(float low, float high)
{
#ifdef CUDA_ON_CPU
    return emu_half_bits(low) | (unsigned)emu_half_bits(high) << 16;
#else
    unsigned pair;
    asm("cvt.rn.f16x2.f32 %0, %2, %1;" : "=r"(pair) : "f"(low), "f"(high));
    return pair;
#endif
}

__device__ __forceinline__ unsigned bfloat_pair(float low, float high)
{
#ifdef CUDA_ON_CPU
    return emu_bfloat_bits(low) | (unsigned)emu_bfloat_bits(high) << 16;
#else
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %2, %1;" : "=r"(pair) : "f"(low), "f"(high));
    return pair;
#endif
}

// 2^x within 2^-22 of it; 0 for minus infinity and wherever the result is below the least normal value, NaN for NaN. exp2f takes two
// multiplications more for the sake of subnormal results.
__device__ __forceinline__ float exp2_approximate(float x)
{
#ifdef CUDA_ON_CPU
    const float power = exp2f(x);
    return power < 1.17549435e-38f ? 0.0f : power;
#else
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
#endif
}
