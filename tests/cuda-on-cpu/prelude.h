// What a CUDA compiler knows without any header, for g++. Force-included before every kernel; no standard header may be
// included here, neither are there any for kernels (-nostdinc). __global__, __shared__ and __launch_bounds__ are not here:
// source_text.cpp rewrites them after the preprocessor ran. Functions called emu_* are the emulated device's own.
#pragma once

#define CUDA_ON_CPU 1
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))

typedef decltype(sizeof 0) size_t;

// Where a call stands in the kernel's source: each function that threads meet in takes it as its last arguments.
#define EMU_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

#define EMU_VECTORS(T, element, align2, align4) \
    struct T##1 { element x; }; \
    struct __attribute__((aligned(align2))) T##2 { element x, y; }; \
    struct T##3 { element x, y, z; }; \
    struct __attribute__((aligned(align4))) T##4 { element x, y, z, w; }; \
    inline T##1 make_##T##1(element x) { return {x}; } \
    inline T##2 make_##T##2(element x, element y) { return {x, y}; } \
    inline T##3 make_##T##3(element x, element y, element z) { return {x, y, z}; } \
    inline T##4 make_##T##4(element x, element y, element z, element w) { return {x, y, z, w}; }
EMU_VECTORS(char, signed char, 2, 4)
EMU_VECTORS(uchar, unsigned char, 2, 4)
EMU_VECTORS(short, short, 4, 8)
EMU_VECTORS(ushort, unsigned short, 4, 8)
EMU_VECTORS(int, int, 8, 16)
EMU_VECTORS(uint, unsigned, 8, 16)
EMU_VECTORS(float, float, 8, 16)
EMU_VECTORS(longlong, long long, 16, 16)
EMU_VECTORS(ulonglong, unsigned long long, 16, 16)
EMU_VECTORS(double, double, 16, 16)
#undef EMU_VECTORS

struct dim3
{
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

// Const, as they are for each thread; the device changes them whenever it goes on with another. g++ takes only plain structs
// for constants, so blockDim and gridDim are no dim3.
extern const uint3 threadIdx __asm__("emu_thread_index");
extern const uint3 blockIdx __asm__("emu_block_index");
extern const uint3 blockDim __asm__("emu_block_size");
extern const uint3 gridDim __asm__("emu_grid_size");
constexpr int warpSize = 32;

extern "C"
{
void emu_block_barrier(const char* file, int line);
// Every lane of the mask gives `bytes` bytes (0 to 64) and gets all 32 lanes' values, valid until its next such call.
const void* emu_warp_exchange(unsigned mask, const void* mine, unsigned bytes, const char* file, int line);
unsigned emu_lane(void);
void emu_undefined_lane(int lane, unsigned mask, const char* file, int line);
void emu_trap(const char* file, int line) __attribute__((noreturn));
// cp.async of 4, 8 or 16 bytes, of which the last `bytes - read` are zeros instead; its groups and its wait.
void emu_copy_async(void* shared, const void* global, unsigned bytes, unsigned read, const char* file, int line);
void emu_copy_async_commit(void);
void emu_copy_async_wait(int groups);   // until at most so many of the thread's groups are under way
// The 16 bytes of shared memory that a lane names to ldmatrix.
void emu_read_matrix_row(void* to, const void* row, const char* file, int line);
}

inline void __syncthreads(EMU_CALLER) { asm volatile("" ::: "memory"); emu_block_barrier(file, line); asm volatile("" ::: "memory"); }
inline void __syncwarp(unsigned mask = 0xFFFFFFFF, EMU_CALLER)
{
    asm volatile("" ::: "memory");
    emu_warp_exchange(mask, nullptr, 0, file, line);
    asm volatile("" ::: "memory");
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __trap(EMU_CALLER) { emu_trap(file, line); }

// All lanes' values, for twins of instructions that a warp executes together (mma, ldmatrix). Valid until the lane's next exchange.
template <class T> inline const T* emu_warp_values(const T& mine, unsigned mask = 0xFFFFFFFF, EMU_CALLER)
{
    static_assert(sizeof(T) <= 64, "a lane gives at most 64 bytes at a time");
    return static_cast<const T*>(emu_warp_exchange(mask, &mine, sizeof(T), file, line));
}
// A shuffle whose source lane is not in the mask gets an undefined value.
template <class T> inline T emu_lane_value(const T* all, int source, unsigned mask, const char* file, int line)
{
    if (!(mask >> source & 1)) emu_undefined_lane(source, mask, file, line);
    return all[source];
}
inline void emu_copy_async4(void* shared, const void* global, EMU_CALLER) { emu_copy_async(shared, global, 4, 4, file, line); }
inline void emu_copy_async16(void* shared, const void* global, EMU_CALLER) { emu_copy_async(shared, global, 16, 16, file, line); }
inline void emu_copy_async16(void* shared, const void* global, bool inside, EMU_CALLER) { emu_copy_async(shared, global, 16, inside ? 16 : 0, file, line); }

// Beyond its segment a lane keeps its own value, as the instruction does.
template <class T> inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMU_CALLER)
{
    const T* all = emu_warp_values(value, mask, file, line);
    return emu_lane_value(all, (emu_lane() & ~(width - 1)) | (source & (width - 1)), mask, file, line);
}
template <class T> inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, EMU_CALLER)
{
    const T* all = emu_warp_values(value, mask, file, line);
    const int lane = emu_lane(), source = lane ^ lanes;
    return source < (lane & ~(width - 1)) + width ? emu_lane_value(all, source, mask, file, line) : value;
}
template <class T> inline T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32, EMU_CALLER)
{
    const T* all = emu_warp_values(value, mask, file, line);
    const int lane = emu_lane();
    return (lane & (width - 1)) + int(lanes) < width ? emu_lane_value(all, lane + lanes, mask, file, line) : value;
}
template <class T> inline T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32, EMU_CALLER)
{
    const T* all = emu_warp_values(value, mask, file, line);
    const int lane = emu_lane();
    return (lane & (width - 1)) >= int(lanes) ? emu_lane_value(all, lane - lanes, mask, file, line) : value;
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMU_CALLER)
{
    const int* all = emu_warp_values(predicate, mask, file, line);
    unsigned lanes = 0;
    for (int lane = 0; lane < 32; lane++)
        if (mask >> lane & 1 && all[lane]) lanes |= 1u << lane;
    return lanes;
}
inline int __any_sync(unsigned mask, int predicate, EMU_CALLER) { return __ballot_sync(mask, predicate, file, line) != 0; }
inline int __all_sync(unsigned mask, int predicate, EMU_CALLER) { return __ballot_sync(mask, predicate, file, line) == mask; }

template <class T> inline T __ldg(const T* p) { return *p; }

// libm's; g++ knows them and puts instructions where there are some.
extern "C"
{
#define EMU_MATH1(name) float name##f(float) noexcept; double name(double) noexcept;
#define EMU_MATH2(name) float name##f(float, float) noexcept; double name(double, double) noexcept;
EMU_MATH1(sqrt) EMU_MATH1(cbrt) EMU_MATH1(exp) EMU_MATH1(exp2) EMU_MATH1(expm1) EMU_MATH1(log) EMU_MATH1(log2) EMU_MATH1(log10)
EMU_MATH1(log1p) EMU_MATH1(erf) EMU_MATH1(erfc) EMU_MATH1(tanh) EMU_MATH1(sinh) EMU_MATH1(cosh) EMU_MATH1(sin) EMU_MATH1(cos)
EMU_MATH1(tan) EMU_MATH1(atan) EMU_MATH1(floor) EMU_MATH1(ceil) EMU_MATH1(trunc) EMU_MATH1(round) EMU_MATH1(rint) EMU_MATH1(fabs)
EMU_MATH2(fmax) EMU_MATH2(fmin) EMU_MATH2(fmod) EMU_MATH2(pow) EMU_MATH2(copysign) EMU_MATH2(atan2) EMU_MATH2(hypot)
#undef EMU_MATH1
#undef EMU_MATH2
float fmaf(float, float, float) noexcept;
double fma(double, double, double) noexcept;
int abs(int) noexcept;
long long llabs(long long) noexcept;
}
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

// Never contracted into a multiply-add: that is what they are called for. The empty asm keeps g++ from seeing through.
inline float __fmul_rn(float x, float y) { float product = x * y; asm("" : "+x"(product)); return product; }
inline float __fadd_rn(float x, float y) { asm("" : "+x"(x)); return x + y; }
inline float __fsub_rn(float x, float y) { asm("" : "+x"(x)); return x - y; }
inline double __dmul_rn(double x, double y) { double product = x * y; asm("" : "+x"(product)); return product; }
inline double __dadd_rn(double x, double y) { asm("" : "+x"(x)); return x + y; }

inline bool isnan(float x) { return __builtin_isnan(x); }
inline bool isnan(double x) { return __builtin_isnan(x); }
inline bool isinf(float x) { return __builtin_isinf(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(float x) { return __builtin_isfinite(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }

#define EMU_MIN_MAX(T) \
    inline T min(T a, T b) { return b < a ? b : a; } \
    inline T max(T a, T b) { return a < b ? b : a; }
EMU_MIN_MAX(int) EMU_MIN_MAX(unsigned) EMU_MIN_MAX(long) EMU_MIN_MAX(unsigned long) EMU_MIN_MAX(long long) EMU_MIN_MAX(unsigned long long)
#undef EMU_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

template <class To, class From> inline To emu_bits(From value)
{
    static_assert(sizeof(To) == sizeof(From), "as many bits");
    To result;
    __builtin_memcpy(&result, &value, sizeof result);
    return result;
}
inline float __int_as_float(int x) { return emu_bits<float>(x); }
inline int __float_as_int(float x) { return emu_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }
inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
inline double __longlong_as_double(long long x) { return emu_bits<double>(x); }
inline long long __double_as_longlong(double x) { return emu_bits<long long>(x); }
inline int __float2int_rn(float x) { return int(rintf(x)); }
inline int __float2int_rz(float x) { return int(x); }
inline int __float2int_rd(float x) { return int(floorf(x)); }
inline int __float2int_ru(float x) { return int(ceilf(x)); }
inline float __int2float_rn(int x) { return float(x); }
inline float __double2float_rn(double x) { return float(x); }

// 16-bit floats, by their bits.
inline unsigned short emu_half_bits(float x) { return emu_bits<unsigned short>(static_cast<_Float16>(x)); }
inline float emu_half_value(unsigned short bits) { return static_cast<float>(emu_bits<_Float16>(bits)); }
inline float emu_bfloat_value(unsigned short bits) { return emu_bits<float>(static_cast<unsigned>(bits) << 16); }
inline unsigned short emu_bfloat_bits(float x)
{
    const unsigned bits = emu_bits<unsigned>(x);
    if (x != x) return static_cast<unsigned short>(bits >> 16 | 0x40);
    return static_cast<unsigned short>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// ldmatrix.x4: lane l gives row l % 8 of matrix l / 8; it gets a pair of row l / 4 of each, or, transposed, one value of two rows.
struct EmuMatrixRow { unsigned short values[8]; };
inline const EmuMatrixRow* emu_matrix_rows(const void* named, const char* file, int line)
{
    EmuMatrixRow mine;
    emu_read_matrix_row(&mine, named, file, line);
    return emu_warp_values(mine, 0xFFFFFFFF, file, line);
}
inline unsigned emu_pair(unsigned short low, unsigned short high) { return low | static_cast<unsigned>(high) << 16; }
inline void emu_load_matrix_x4(unsigned (&r)[4], const void* named, EMU_CALLER)
{
    const EmuMatrixRow* rows = emu_matrix_rows(named, file, line);
    const unsigned row = emu_lane() / 4, first = 2 * (emu_lane() % 4);
    for (int matrix = 0; matrix < 4; matrix++) r[matrix] = emu_pair(rows[8 * matrix + row].values[first], rows[8 * matrix + row].values[first + 1]);
}
inline void emu_load_matrix_x4_transposed(unsigned (&r)[4], const void* named, EMU_CALLER)
{
    const EmuMatrixRow* rows = emu_matrix_rows(named, file, line);
    const unsigned first = 2 * (emu_lane() % 4), column = emu_lane() / 4;
    for (int matrix = 0; matrix < 4; matrix++) r[matrix] = emu_pair(rows[8 * matrix + first].values[column], rows[8 * matrix + first + 1].values[column]);
}

// mma m16n8k16: each lane widens its part of a [16, 16] and b [16, 8], so that a sum is over floats. Not watched, which makes it
// five times as fast: registers alone are read and written.
template <float Value(unsigned short)> __attribute__((noinline, no_sanitize("thread"))) void emu_multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, EMU_CALLER)
{
    struct Part { float a[4][2], b[2][2]; } mine;
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 4; i++) mine.a[i][half] = Value(static_cast<unsigned short>(a[i] >> 16 * half));
        mine.b[0][half] = Value(static_cast<unsigned short>(b0 >> 16 * half)), mine.b[1][half] = Value(static_cast<unsigned short>(b1 >> 16 * half));
    }
    const Part* all = emu_warp_values(mine, 0xFFFFFFFF, file, line);
    const unsigned lane = emu_lane(), row = lane / 4, column = 2 * (lane % 4);
    for (unsigned k = 0; k < 16; k++) {
        const unsigned part = k % 8 / 2, upper = k / 8, half = k % 2;   // who holds term k, in which register, in which half of it
        const Part& of_row = all[4 * row + part];
        const float left = all[4 * column + part].b[upper][half], right = all[4 * (column + 1) + part].b[upper][half];
        d[0] = fmaf(of_row.a[2 * upper][half], left, d[0]);
        d[1] = fmaf(of_row.a[2 * upper][half], right, d[1]);
        d[2] = fmaf(of_row.a[2 * upper + 1][half], left, d[2]);
        d[3] = fmaf(of_row.a[2 * upper + 1][half], right, d[3]);
    }
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }

// What an entry point is to the device: made by the tail that source_text.cpp puts behind the source, read by module.cpp.
struct EmuArgument { unsigned offset, bytes; };
struct EmuEntry
{
    const char* name;
    void (*call)(const unsigned char* packed);
    const EmuArgument* arguments;
    unsigned argument_count, packed_bytes;
    int max_threads;
};

template <int... I> struct EmuIndices {};
template <auto Function> struct EmuCall;
template <class... A, void (*Function)(A...)> struct EmuCall<Function>
{
    struct Layout
    {
        EmuArgument arguments[sizeof...(A) + 1] = {};
        unsigned bytes = 0;
    };
    static constexpr Layout layout()
    {
        Layout result;
        const unsigned sizes[] = {unsigned(sizeof(A))..., 0}, alignments[] = {unsigned(alignof(A))..., 1};
        for (unsigned i = 0; i < sizeof...(A); i++)
        {
            result.bytes = (result.bytes + alignments[i] - 1) / alignments[i] * alignments[i];
            result.arguments[i] = {result.bytes, sizes[i]};
            result.bytes += sizes[i];
        }
        return result;
    }
    template <int... I> static void unpack(const unsigned char* packed, EmuIndices<I...>)
    {
        constexpr Layout table = layout();
        Function(*reinterpret_cast<const A*>(packed + table.arguments[I].offset)...);
    }
    static void call(const unsigned char* packed) { unpack(packed, EmuIndices<__integer_pack(sizeof...(A))...>()); }
    static constexpr EmuEntry entry(const char* name, int max_threads, const Layout& table)
    {
        return {name, call, table.arguments, sizeof...(A), table.bytes, max_threads};
    }
};
