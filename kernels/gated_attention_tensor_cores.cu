// context_i = softmax_j(q_i . k_j + gate_i * bias[j - i]) v_j over the frames j of i's own utterance, head by head: gated_attention on
// tensor cores, with the same arguments. q comes scaled by log2(e) / sqrt(HEAD_WIDTH), the table by log2(e).
// qkv [frames, 3 * heads * HEAD_WIDTH] and context [frames, heads * HEAD_WIDTH] Operands, Float16 or BFloat16; with BIASED=1 also gates
// [frames, heads] and bias [heads, 2 * radius + 1], constant beyond the radius, float. Frames are packed, utterances of any length.
// A block has the queries of a tile (grid.x) for a head (grid.y) and walks over its utterance's keys, 64 at a time; while one tile of
// keys and values, and the slice of the table for it, is computed with, the next is on its way to the other stage. A warp has 16 or 32
// queries; their scores stay in registers, where the accumulator's layout is the second product's operand.
// Products of Operands, sums, scores, gates and bias float32; a weight is rounded to Operands for the product with v. The accumulators
// begin at gate * bias - maximum, so neither costs an addition, and weights are powers of two of what comes out. The maximum may lag
// behind by HEADROOM: weights then reach 2^HEADROOM, and sums are seldom scaled down. A maximum passes over a score that is NaN, its
// power of two does not: the query's context becomes NaN.
// 4 * HEAD_WIDTH FLOPs a query and key; 128 queries share the 4 * HEAD_WIDTH bytes of a key, mostly from the second cache: bound by tensor
// cores. For 32 queries and 64 keys of 64 columns a warp has 128 mma, 1,024 cycles of a quarter of an SM on sm_80, and 470 other
// instructions; shared memory is busy 740 of them. With 16 queries a warp shared memory is what bounds it, a fifth above the mma.
#include "common/half.cuh"
#include "common/packed.cuh"
#include "common/packed_batch.cuh"

constexpr int KEYS = 64;                                // of a tile
constexpr int ROW_TILES = TILE_FRAMES / (16 * WARPS);   // a warp's queries, in tiles of 16
constexpr int CHUNKS = (HEAD_WIDTH + 7) / 8;            // a row of q, k or v in 16 bytes each; zeros fill the last one up
constexpr int STRIDE = CHUNKS | 1;                      // chunks from row to row: odd, so that one chunk of 8 rows lies in 32 banks
constexpr int STEPS = (CHUNKS + 1) / 2;                 // of 16 columns; the last one may have 8
constexpr int STAGE = 2 * KEYS * STRIDE;                // chunks of a tile of keys and one of values
constexpr int SLICE = BIASED * (TILE_FRAMES + KEYS);    // distances between two tiles, and one more
constexpr int ROWS_AT_ONCE = 32 * WARPS / CHUNKS;       // that the block copies
constexpr float HEADROOM = 8.0f;                        // weights up to 256 are as exact as those up to 1, and far below float16's largest
static_assert(ROW_TILES == 1 || ROW_TILES == 2, "more than 32 queries do not fit in a warp's registers");
static_assert(TILE_FRAMES == 2 * KEYS, "a tile of queries fills a stage");
static_assert(SHARED_BYTES == 2 * (16 * STAGE + 4 * SLICE), "the launch gives what the kernel lays out");

using Chunk = Packed<Operands, 8>;

extern __shared__ Chunk shared[];

__device__ __forceinline__ float minus_infinity() { return __uint_as_float(0xff800000u); }   // NVRTC divides by zero at run time

// Starts the copy of rows; `from` is this thread's chunk of the first row. Those from `count` on are a neighbour's: zeros stand for them.
__device__ __forceinline__ void copy_rows(Chunk* tile, const Operands* from, long long stride, int rows, int count)
{
    const int first_row = threadIdx.x / CHUNKS, chunk = threadIdx.x % CHUNKS;
    if (32 * WARPS % CHUNKS != 0 && first_row >= ROWS_AT_ONCE) return;
    #pragma unroll
    for (int n = 0; n < rows; n += ROWS_AT_ONCE) {
        const int row = first_row + n;
        if (rows % ROWS_AT_ONCE != 0 && row >= rows) continue;
        Chunk* to = tile + row * STRIDE + chunk;
        const Operands* x = from + n * stride;
        if (HEAD_WIDTH % 8 == 0) {
            copy_async_16_or_zeros(to, x, row < count);
        } else {
            Chunk values;
            #pragma unroll
            for (int i = 0; i < 8; i++) values.values[i] = row < count && 8 * chunk + i < HEAD_WIDTH ? x[i] : Operands(0.0f);
            *to = values;
        }
    }
}

// Starts the copy of the table from the distance of a tile's first key and the last query on. `distance` is that of the first of each.
__device__ __forceinline__ void copy_slice(float* slice, const float* table, int radius, int distance)
{
    #pragma unroll
    for (int n = 0; n < SLICE; n += 32 * WARPS) {
        const int i = n + threadIdx.x;
        if (SLICE % (32 * WARPS) == 0 || i < SLICE) copy_async_4(slice + i, table + max(-radius, min(radius, distance - (TILE_FRAMES - 1) + i)));
    }
}

// A query's scores, before its products, where bias is the same for all keys.
__device__ __forceinline__ void begin_alike(float (&score)[ROW_TILES][KEYS / 8][4], const float (&gate)[ROW_TILES][2], float bias, const float (&maximum)[ROW_TILES][2])
{
    #pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            const float start = fmaf(gate[r][h], bias, -maximum[r][h]);
            #pragma unroll
            for (int n = 0; n < KEYS / 8; n++) score[r][n][2 * h] = score[r][n][2 * h + 1] = start;
        }
    }
}

// The same with the slice's values, from that of the lane's first query and first key on. Eight queries further down a query has of
// eight keys what this one has of the eight keys before: each value is loaded once.
__device__ __forceinline__ void begin_biased(float (&score)[ROW_TILES][KEYS / 8][4], const float (&gate)[ROW_TILES][2], const float* slice, const float (&maximum)[ROW_TILES][2])
{
    constexpr int ROWS = 2 * ROW_TILES;
    #pragma unroll
    for (int d = 1 - ROWS; d < KEYS / 8; d++) {
        const float bias[2] = {slice[8 * d], slice[8 * d + 1]};
        #pragma unroll
        for (int row = 0; row < ROWS; row++) {
            const int r = row / 2, h = row % 2, n = d + row;
            if (n < 0 || n >= KEYS / 8) continue;
            score[r][n][2 * h] = fmaf(gate[r][h], bias[0], -maximum[r][h]);
            score[r][n][2 * h + 1] = fmaf(gate[r][h], bias[1], -maximum[r][h]);
        }
    }
}

// score += q k^T: a warp's queries with a tile of keys. An ldmatrix has two chunks of 8 keys and of the 8 behind them; where a row ends
// with the first chunk, q's goes twice into the step, the second time times zeros.
__device__ __forceinline__ void add_products(float (&score)[ROW_TILES][KEYS / 8][4], const unsigned (&q)[ROW_TILES][STEPS][4], const Chunk* k)
{
    const int lane = threadIdx.x % 32;
    const Chunk* row = k + (lane / 16 * 8 + lane % 8) * STRIDE;
    #pragma unroll
    for (int n = 0; n < KEYS / 8; n += 2) {
        #pragma unroll
        for (int step = 0; step < STEPS; step++) {
            const bool whole = 2 * step + 1 < CHUNKS;
            unsigned key[4];
            load_matrix_x4(key, row + n * 8 * STRIDE + 2 * step + (whole ? lane / 8 % 2 : 0));
            #pragma unroll
            for (int r = 0; r < ROW_TILES; r++) {
                multiply_add<Operands>(score[r][n], q[r][step], key[0], whole ? key[1] : 0);
                multiply_add<Operands>(score[r][n + 1], q[r][step], key[2], whole ? key[3] : 0);
            }
        }
    }
}

// Keys from `count` on are no keys.
__device__ __forceinline__ void leave_out(float (&score)[ROW_TILES][KEYS / 8][4], int count)
{
    #pragma unroll
    for (int n = 0; n < KEYS / 8; n++) {
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            if (8 * n + 2 * (int)(threadIdx.x % 4) + i % 2 < count) continue;
            #pragma unroll
            for (int r = 0; r < ROW_TILES; r++) score[r][n][i] = minus_infinity();
        }
    }
}

// Raises the maximum of a query some of whose scores, which count from it, exceed the limit; what was summed is scaled down to it.
__device__ __forceinline__ void raise_maxima(float (&score)[ROW_TILES][KEYS / 8][4], float limit, float (&maximum)[ROW_TILES][2],
                                             float (&total)[ROW_TILES][2], float (&sum)[ROW_TILES][CHUNKS][4])
{
    float highest[ROW_TILES][2], of_all = minus_infinity();
    #pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            highest[r][h] = minus_infinity();
            #pragma unroll
            for (int n = 0; n < KEYS / 8; n++) highest[r][h] = fmaxf(highest[r][h], fmaxf(score[r][n][2 * h], score[r][n][2 * h + 1]));
            of_all = fmaxf(of_all, highest[r][h]);
        }
    }
    if (!__any_sync(0xffffffffu, of_all > limit)) return;
    #pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            float by = highest[r][h];
            #pragma unroll
            for (int lanes = 1; lanes < 4; lanes *= 2) by = fmaxf(by, __shfl_xor_sync(0xffffffffu, by, lanes));
            if (!(by > limit)) by = 0.0f;
            maximum[r][h] += by;
            const float rescale = exp2_approximate(fminf(-by, 0.0f));   // at first, when a maximum may fall, nothing was summed
            total[r][h] *= rescale;
            #pragma unroll
            for (int c = 0; c < CHUNKS; c++) sum[r][c][2 * h] *= rescale, sum[r][c][2 * h + 1] *= rescale;
            #pragma unroll
            for (int n = 0; n < KEYS / 8; n++) score[r][n][2 * h] -= by, score[r][n][2 * h + 1] -= by;
        }
    }
}

// score becomes the weights p = 2^score.
__device__ __forceinline__ void take_powers(float (&score)[ROW_TILES][KEYS / 8][4], float (&total)[ROW_TILES][2])
{
    #pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
        #pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
            #pragma unroll
            for (int i = 0; i < 4; i++) {
                score[r][n][i] = exp2_approximate(score[r][n][i]);
                total[r][i / 2] += score[r][n][i];   // over this lane's keys alone; a query's lanes add theirs up at the end
            }
        }
    }
}

// sum += p v: a warp's queries with a tile of values. An ldmatrix has 16 keys of two chunks, transposed.
__device__ __forceinline__ void add_values(float (&sum)[ROW_TILES][CHUNKS][4], const float (&p)[ROW_TILES][KEYS / 8][4], const Chunk* v)
{
    const int lane = threadIdx.x % 32;
    const Chunk* row = v + lane % 16 * STRIDE;
    #pragma unroll
    for (int n = 0; n < KEYS / 8; n += 2) {
        unsigned weight[ROW_TILES][4];
        #pragma unroll
        for (int r = 0; r < ROW_TILES; r++) {
            #pragma unroll
            for (int i = 0; i < 4; i++) weight[r][i] = pair_of<Operands>(p[r][n + i / 2][i % 2 * 2], p[r][n + i / 2][i % 2 * 2 + 1]);
        }
        #pragma unroll
        for (int c = 0; c < CHUNKS; c += 2) {
            const bool whole = c + 1 < CHUNKS;
            unsigned value[4];
            load_matrix_x4_transposed(value, row + n * 8 * STRIDE + c + (whole ? lane / 16 : 0));
            #pragma unroll
            for (int r = 0; r < ROW_TILES; r++) {
                multiply_add<Operands>(sum[r][c], weight[r], value[0], value[1]);
                if (whole) multiply_add<Operands>(sum[r][c + 1], weight[r], value[2], value[3]);
            }
        }
    }
}

// Lane t of a quad gets what its four lanes had as number t.
__device__ __forceinline__ void transpose_in_quad(unsigned (&x)[4])
{
    #pragma unroll
    for (int lanes = 1; lanes < 4; lanes *= 2) {
        const bool upper = threadIdx.x & lanes;
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            if (i & lanes) continue;
            const unsigned got = __shfl_xor_sync(0xffffffffu, upper ? x[i] : x[i + lanes], lanes);
            (upper ? x[i] : x[i + lanes]) = got;
        }
    }
}

// A query's context, to where its head begins, if it has a row there. Of each chunk a lane has two neighbours, number h in its sums.
__device__ __forceinline__ void store_row(Operands* to, const float (&sum)[CHUNKS][4], int h, float scale, bool stored)
{
    const int t = threadIdx.x % 4;
    #pragma unroll
    for (int c = 0; c < CHUNKS; c += 4) {
        unsigned pairs[4] = {};
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            if (c + i < CHUNKS) pairs[i] = pair_of<Operands>(sum[c + i][2 * h] * scale, sum[c + i][2 * h + 1] * scale);
        }
        transpose_in_quad(pairs);
        if (!stored || c + t >= CHUNKS) continue;
        const Chunk chunk = reinterpret_cast<const Chunk&>(pairs);
        if (HEAD_WIDTH % 8 == 0) {
            store_packed(to + 8 * (c + t), chunk);
        } else {
            #pragma unroll
            for (int i = 0; i < 8; i++) {
                if (8 * (c + t) + i < HEAD_WIDTH) to[8 * (c + t) + i] = chunk.values[i];
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
gated_attention_tensor_cores(const Operands* __restrict__ qkv, const float* __restrict__ gates, const float* __restrict__ bias, int radius,
                             const Tile* __restrict__ tiles, const Utterance* __restrict__ utterances, Operands* __restrict__ context)
{
    const Tile tile = tiles[blockIdx.x];
    const int frames = (int)utterances[tile.utterance].frames;   // a tile's place is an int
    const long long first_frame = utterances[tile.utterance].first_frame;
    const int head = blockIdx.y, heads = gridDim.y, lane = threadIdx.x % 32;
    const int warp_row = threadIdx.x / 32 * (16 * ROW_TILES), first_row = warp_row + lane / 4;   // a lane's rows are 8 apart
    const bool idle = tile.first + warp_row >= frames;   // the whole warp; it takes part in copies and barriers
    const long long width = (long long)heads * HEAD_WIDTH, stride = 3 * width;
    const float* table = bias + head * (2ll * radius + 1) + radius;   // at distance 0
    float* slices = (float*)(shared + 2 * STAGE);

    // This thread's chunk of the first row that is copied next.
    const Operands* keys = qkv + (first_frame + threadIdx.x / CHUNKS) * stride + width + head * HEAD_WIDTH + 8 * (threadIdx.x % CHUNKS);
    copy_rows(shared + STAGE, keys - width + tile.first * stride, stride, TILE_FRAMES, frames - tile.first);
    copy_async_commit();
    copy_rows(shared, keys, stride, KEYS, frames);
    copy_rows(shared + STAGE / 2, keys + width, stride, KEYS, frames);
    if (BIASED) copy_slice(slices, table, radius, -tile.first);
    copy_async_commit();

    float maximum[ROW_TILES][2] = {}, total[ROW_TILES][2] = {}, gate[ROW_TILES][2] = {}, sum[ROW_TILES][CHUNKS][4] = {};
    #pragma unroll
    for (int row = 0; BIASED && row < 2 * ROW_TILES; row++) {
        const int query = tile.first + first_row + 8 * row;
        if (query < frames) gate[row / 2][row % 2] = gates[(first_frame + query) * heads + head];
    }

    copy_async_wait<1>();
    __syncthreads();   // every thread's part of q is there
    unsigned q[ROW_TILES][STEPS][4];
    #pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
        #pragma unroll
        for (int step = 0; step < STEPS; step++) {
            const bool whole = 2 * step + 1 < CHUNKS;
            load_matrix_x4(q[r][step], shared + STAGE + (warp_row + 16 * r + lane % 16) * STRIDE + 2 * step + (whole ? lane / 16 : 0));
        }
    }

    for (int first_key = 0, stage = 0; first_key < frames; first_key += KEYS, stage ^= 1) {
        const Chunk* k = shared + stage * STAGE;   // and v behind it
        const int next_key = first_key + KEYS, distance = first_key - tile.first;
        copy_async_wait<0>();
        __syncthreads();   // every thread's part of this stage is there; the other one, at first q in it, has been read
        if (next_key < frames) {
            Chunk* next = shared + (stage ^ 1) * STAGE;
            keys += KEYS * stride;
            copy_rows(next, keys, stride, KEYS, frames - next_key);
            copy_rows(next + STAGE / 2, keys + width, stride, KEYS, frames - next_key);
            if (BIASED) copy_slice(slices + (stage ^ 1) * SLICE, table, radius, distance + KEYS);
            copy_async_commit();
        }
        if (idle) continue;

        float score[ROW_TILES][KEYS / 8][4];
        const float* slice = slices + stage * SLICE;
        // Two calls: one's accumulators begin as a few registers that the first mma reads, without a copy for each.
        if (!BIASED || distance - (TILE_FRAMES - 1) >= radius || distance + (KEYS - 1) <= -radius) {
            begin_alike(score, gate, BIASED ? *slice : 0.0f, maximum);
            add_products(score, q, k);
        } else {
            begin_biased(score, gate, slice + (TILE_FRAMES - 1) - first_row + 2 * (lane % 4), maximum);
            add_products(score, q, k);
        }
        if (next_key > frames) leave_out(score, frames - first_key);
        raise_maxima(score, first_key == 0 ? minus_infinity() : HEADROOM, maximum, total, sum);
        take_powers(score, total);
        add_values(sum, score, k + STAGE / 2);
    }

    #pragma unroll
    for (int row = 0; row < 2 * ROW_TILES; row++) {
        const int query = tile.first + first_row + 8 * row, r = row / 2, h = row % 2;
        float all = total[r][h];
        #pragma unroll
        for (int lanes = 1; lanes < 4; lanes *= 2) all += __shfl_xor_sync(0xffffffffu, all, lanes);
        store_row(context + (first_frame + query) * width + head * HEAD_WIDTH, sum[r], h, 1.0f / all, query < frames);
    }
}
