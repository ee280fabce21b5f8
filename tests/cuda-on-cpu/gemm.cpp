// Blocked matrix product: both operands are packed into strips that the inner kernel reads in order, padded with zeros to whole strips.
// Padding makes every element go through the same instructions whatever its place, which is what fixes its bits.
#include "gemm.h"

#include <algorithm>
#include <cstring>

namespace emu {
namespace {

#ifdef __AVX512F__
constexpr int LANES = 16, STRIP_COLUMNS = 12;   // 24 sums of the 32 registers
#else
constexpr int LANES = 8, STRIP_COLUMNS = 6;     // 12 sums of the 16 registers
#endif
constexpr int STRIP_ROWS = 2 * LANES;
constexpr long long PANEL_ROWS = 8 * STRIP_ROWS;
typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

struct Half { std::uint16_t bits; };
struct Bfloat { std::uint16_t bits; };

template <class To, class From> To same_bits(From value)
{
    static_assert(sizeof(To) == sizeof(From), "only the type changes");
    To result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

template <class Stored> float widen(Stored value);
template <> float widen(float value) { return value; }
template <> float widen(Half value) { return static_cast<float>(same_bits<_Float16>(value)); }
template <> float widen(Bfloat value) { return same_bits<float>(std::uint32_t(value.bits) << 16); }

Half to_half(float value) { return same_bits<Half>(static_cast<_Float16>(value)); }

Bfloat to_bfloat(float value)
{
    const std::uint32_t wide = same_bits<std::uint32_t>(value);
    return {value != value ? std::uint16_t((wide >> 16) | 0x40) : std::uint16_t((wide + 0x7fff + ((wide >> 16) & 1)) >> 16)};   // NaN stays one
}

// Packs `length` vectors (rows of op(A) or columns of op(B)) from `first`, of their elements [from, to), in strips of WIDTH:
// packed[strip][p][lane]. `along` says that a vector's elements lie one after another in memory.
template <int WIDTH, class Stored>
void pack(const Stored* data, long long ld, bool along, long long first, long long length, long long from, long long to, float* packed)
{
    for (long long strip = 0; strip < length; strip += WIDTH, packed += WIDTH * (to - from)) {
        const int lanes = static_cast<int>(std::min<long long>(WIDTH, length - strip));
        if (lanes < WIDTH) std::fill(packed, packed + WIDTH * (to - from), 0.0f);
        if (along)
            for (int lane = 0; lane < lanes; lane++) {
                const Stored* source = data + (first + strip + lane) * ld;
                for (long long p = from; p < to; p++) packed[(p - from) * WIDTH + lane] = widen(source[p]);
            }
        else
            for (long long p = from; p < to; p++) {
                const Stored* source = data + p * ld + first + strip;
                for (int lane = 0; lane < lanes; lane++) packed[(p - from) * WIDTH + lane] = widen(source[lane]);
            }
    }
}

template <int WIDTH>
void pack(const Operand& operand, bool along, long long first, long long length, long long from, long long to, float* packed)
{
    switch (operand.type) {
    case CUDA_R_16F: pack<WIDTH>(static_cast<const Half*>(operand.data), operand.ld, along, first, length, from, to, packed); break;
    case CUDA_R_16BF: pack<WIDTH>(static_cast<const Bfloat*>(operand.data), operand.ld, along, first, length, from, to, packed); break;
    default: pack<WIDTH>(static_cast<const float*>(operand.data), operand.ld, along, first, length, from, to, packed);
    }
}

// One strip of A against one of B over a run of k: the run's sums start at zero, and are added to what earlier runs left.
void sum_run(const float* a, const float* b, long long run, bool add, float* sums, long long ld, long long rows, long long columns)
{
    Vector total[STRIP_COLUMNS][2] = {};
    for (long long p = 0; p < run; p++, a += STRIP_ROWS, b += STRIP_COLUMNS) {
        const Vector low = *reinterpret_cast<const Vector*>(a), high = *reinterpret_cast<const Vector*>(a + LANES);
#pragma GCC unroll 12
        for (int j = 0; j < STRIP_COLUMNS; j++) {
            total[j][0] += low * b[j];
            total[j][1] += high * b[j];
        }
    }
    for (long long j = 0; j < columns; j++) {
        const float* column = reinterpret_cast<const float*>(total[j]);
        float* target = sums + j * ld;
        if (add) for (long long i = 0; i < rows; i++) target[i] += column[i];
        else std::copy(column, column + rows, target);
    }
}

// The sums over [from, to) of k, run after run, into `sums` (m rows a column).
void sum_range(long long m, long long first, long long count, long long from, long long to, const Operand& a, const Operand& b, SumOrder order, float* sums)
{
    const long long strips = (count + STRIP_COLUMNS - 1) / STRIP_COLUMNS;
    const long long runs = (to - from + order.block - 1) / order.block;
    std::vector<float> packed_b(strips * STRIP_COLUMNS * order.block), packed_a(PANEL_ROWS * order.block);
    for (long long done = 0; done < runs; done++) {
        const long long start = from + (order.descending ? runs - 1 - done : done) * order.block;
        const long long end = std::min(to, start + order.block), run = end - start;
        pack<STRIP_COLUMNS>(b, !b.transposed, first, count, start, end, packed_b.data());
        for (long long panel = 0; panel < m; panel += PANEL_ROWS) {
            const long long rows = std::min(PANEL_ROWS, m - panel);
            pack<STRIP_ROWS>(a, a.transposed, panel, rows, start, end, packed_a.data());
            for (long long j = 0; j < count; j += STRIP_COLUMNS)
                for (long long i = 0; i < rows; i += STRIP_ROWS)
                    sum_run(packed_a.data() + i * run, packed_b.data() + j * run, run, done > 0, sums + panel + i + j * m, m,
                            std::min<long long>(STRIP_ROWS, rows - i), std::min<long long>(STRIP_COLUMNS, count - j));
        }
    }
}

}  // namespace

long long element_size(cudaDataType type)
{
    return type == CUDA_R_32F ? 4 : type == CUDA_R_16F || type == CUDA_R_16BF ? 2 : 0;
}

void load(const void* source, cudaDataType type, long long count, float* values)
{
    if (type == CUDA_R_16F) std::transform(static_cast<const Half*>(source), static_cast<const Half*>(source) + count, values, widen<Half>);
    else if (type == CUDA_R_16BF) std::transform(static_cast<const Bfloat*>(source), static_cast<const Bfloat*>(source) + count, values, widen<Bfloat>);
    else std::memcpy(values, source, static_cast<std::size_t>(4 * count));
}

void store(const float* values, long long count, cudaDataType type, void* target)
{
    if (type == CUDA_R_16F) std::transform(values, values + count, static_cast<Half*>(target), to_half);
    else if (type == CUDA_R_16BF) std::transform(values, values + count, static_cast<Bfloat*>(target), to_bfloat);
    else std::memcpy(target, values, static_cast<std::size_t>(4 * count));
}

void multiply(long long m, long long first, long long count, long long k, const Operand& a, const Operand& b, SumOrder order, std::vector<float>& sums)
{
    sums.resize(m * count);
    const long long share = (k + order.splits - 1) / order.splits;
    sum_range(m, first, count, 0, std::min(k, share), a, b, order, sums.data());
    std::vector<float> part;
    for (long long from = share; from < k; from += share) {
        part.resize(m * count);
        sum_range(m, first, count, from, std::min(k, from + share), a, b, order, part.data());
        for (std::size_t i = 0; i < part.size(); i++) sums[i] += part[i];
    }
}

}  // namespace emu
