// context_i = softmax_j(q_i . k_j + gate_i * bias[j - i]) v_j over the frames j of i's own utterance, head by head. Powers of two
// instead of e: q comes scaled by log2(e) / sqrt(HEAD_WIDTH), the table by log2(e).
// qkv [frames, 3 * heads * HEAD_WIDTH]: q, k, v; context [frames, heads * HEAD_WIDTH]; with BIASED=1 also gates [frames, heads]
// and bias [heads, 2 * radius + 1], constant beyond the radius. All float; frames are packed, utterances of any length.
// A block has the queries of a tile (grid.x) for a head (grid.y) and walks over its utterance's keys, KEYS at a time, with a
// running maximum, total and sum: scores and biases are never whole, of the table there is one slice for a pair of tiles.
// K and V take turns: while one is computed with, the other is on its way. Each of the 4 warps has 16 queries; of these a lane
// has 4, with an eighth of the keys, then with an eighth of the head's columns: 12 loads of 16 bytes for 128 FMAs.
// float32. A maximum passes over a score that is NaN, its power of two does not: the query's context becomes NaN.
// 4 * HEAD_WIDTH FLOPs a query and key; 64 queries share the 8 * HEAD_WIDTH bytes of a key, mostly from the second cache: bound
// by FMA; of the 32 cycles that an SM needs for a warp's 128 FMAs, shared memory is busy 12 (with 32 keys at a time 16).
#include "common/packed_batch.cuh"
#include "common/ptx.cuh"

constexpr int WARPS = 4;
constexpr int ACROSS = 8, DOWN = 32 / ACROSS;           // a warp's lanes: over keys, later columns, and over queries
constexpr int QUERIES_OF_WARP = TILE_FRAMES / WARPS;
constexpr int ROWS = QUERIES_OF_WARP / DOWN;            // a lane's queries, DOWN apart
constexpr int COLUMNS = KEYS / ACROSS;                  // a lane's keys, ACROSS apart
constexpr int FOURS = (HEAD_WIDTH + 3) / 4;             // a row of q, k or v in float4; zeros fill the last one up
constexpr int SUMS = (FOURS + ACROSS - 1) / ACROSS;     // a lane's float4 of a row of the context, ACROSS apart
constexpr int STRIDE = FOURS | 1;                       // float4 from row to row: odd, so one column of 8 rows lies in 32 banks
constexpr int POWER_STRIDE = KEYS + 8;                  // floats from row to row of p: 8 keys of 4 rows lie in 32 banks
constexpr int SLICE = TILE_FRAMES + KEYS;               // distances between two tiles, and one more
static_assert(QUERIES_OF_WARP == ROWS * DOWN && KEYS % 32 == 0, "all lanes have equal shares, and rows of p lie as said");
static_assert(SLICE <= 32 * WARPS, "a thread fetches one value of the slice");
static_assert(SHARED_BYTES == 16 * STRIDE * (TILE_FRAMES + 2 * KEYS) + 4 * (TILE_FRAMES * POWER_STRIDE + SLICE),
              "the launch gives what the kernel lays out");

extern __shared__ float4 shared[];

// Starts the copy of a head's rows. Those from `count` on are a neighbour's: zeros stand for them, and fill up the last column.
__device__ __forceinline__ void copy_rows(float4* tile, const float* from, long long stride, int rows, long long count)
{
    for (int i = threadIdx.x; i < rows * FOURS; i += 32 * WARPS) {
        const int row = i / FOURS, column = 4 * (i % FOURS);
        float4* to = tile + row * STRIDE + i % FOURS;
        const float* x = from + row * stride + column;
        if (row >= count) *to = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        else if (HEAD_WIDTH % 4 == 0) copy_async_16(to, x);
        else *to = make_float4(x[0], column + 1 < HEAD_WIDTH ? x[1] : 0.0f, column + 2 < HEAD_WIDTH ? x[2] : 0.0f,
                               column + 3 < HEAD_WIDTH ? x[3] : 0.0f);
    }
    copy_async_commit();
}

__device__ __forceinline__ float bias_at(const float* table, int radius, long long distance)
{
    return table[radius + (distance < -radius ? -radius : distance > radius ? radius : (int)distance)];
}

// score += q k^T: a lane's queries with its keys.
__device__ __forceinline__ void add_products(float (&score)[ROWS][COLUMNS], const float4* q, const float4* k)
{
    for (int i = 0; i < FOURS; i++) {
        float4 query[ROWS];
        #pragma unroll
        for (int r = 0; r < ROWS; r++) query[r] = q[r * DOWN * STRIDE + i];
        #pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            const float4 key = k[c * ACROSS * STRIDE + i];
            #pragma unroll
            for (int r = 0; r < ROWS; r++) {
                score[r][c] = fmaf(query[r].x, key.x, score[r][c]);
                score[r][c] = fmaf(query[r].y, key.y, score[r][c]);
                score[r][c] = fmaf(query[r].z, key.z, score[r][c]);
                score[r][c] = fmaf(query[r].w, key.w, score[r][c]);
            }
        }
    }
}

// p = 2^(score - maximum) of a query, once the running maximum, and what was summed under it, are brought up to these scores.
__device__ __forceinline__ void take_powers(const float (&score)[COLUMNS], float& maximum, float& total, float (&sum)[SUMS][4], float* p)
{
    float raised = maximum;
    #pragma unroll
    for (int c = 0; c < COLUMNS; c++) raised = fmaxf(raised, score[c]);
    #pragma unroll
    for (int distance = ACROSS / 2; distance > 0; distance /= 2) raised = fmaxf(raised, __shfl_xor_sync(0xffffffffu, raised, distance));
    const float rescale = exp2f(maximum - raised);   // 0 at first, when nothing was summed
    maximum = raised;
    total *= rescale;   // over this lane's keys alone; the lanes of a query add theirs up at the end
    #pragma unroll
    for (int c = 0; c < SUMS; c++) {
        #pragma unroll
        for (int n = 0; n < 4; n++) sum[c][n] *= rescale;
    }
    #pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
        const float power = exp2f(score[c] - raised);
        total += power;
        p[c * ACROSS] = power;
    }
}

// sum += p v: a lane's queries with its columns. Lanes beyond the last column repeat it, and do not store it.
__device__ __forceinline__ void add_values(float (&sum)[ROWS][SUMS][4], const float* p, const float4* v, int across)
{
    #pragma unroll 2
    for (int key = 0; key < KEYS; key += 4) {
        float power[ROWS][4];
        #pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const float4 four = *(const float4*)(p + r * DOWN * POWER_STRIDE + key);
            power[r][0] = four.x, power[r][1] = four.y, power[r][2] = four.z, power[r][3] = four.w;
        }
        #pragma unroll
        for (int n = 0; n < 4; n++) {
            #pragma unroll
            for (int c = 0; c < SUMS; c++) {
                const int column = across + c * ACROSS;
                const float4 value = v[(key + n) * STRIDE + (column < FOURS ? column : FOURS - 1)];
                #pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    sum[r][c][0] = fmaf(power[r][n], value.x, sum[r][c][0]);
                    sum[r][c][1] = fmaf(power[r][n], value.y, sum[r][c][1]);
                    sum[r][c][2] = fmaf(power[r][n], value.z, sum[r][c][2]);
                    sum[r][c][3] = fmaf(power[r][n], value.w, sum[r][c][3]);
                }
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS)
gated_attention(const float* __restrict__ qkv, const float* __restrict__ gates, const float* __restrict__ bias, int radius,
                const Tile* __restrict__ tiles, const Utterance* __restrict__ utterances, float* __restrict__ context)
{
    const Tile tile = tiles[blockIdx.x];
    const long long frames = utterances[tile.utterance].frames, first_frame = utterances[tile.utterance].first_frame;
    const int head = blockIdx.y, heads = gridDim.y, across = threadIdx.x % ACROSS;
    const int first_row = threadIdx.x / 32 * QUERIES_OF_WARP + threadIdx.x % 32 / ACROSS;
    const long long width = (long long)heads * HEAD_WIDTH, stride = 3 * width;
    const float* queries = qkv + (first_frame + tile.first) * stride + head * HEAD_WIDTH;
    const float* keys = qkv + first_frame * stride + width + head * HEAD_WIDTH;
    const float* values = keys + width;

    float4* q = shared;                              // [TILE_FRAMES, STRIDE]
    float4* k = q + TILE_FRAMES * STRIDE;            // [KEYS, STRIDE]
    float4* v = k + KEYS * STRIDE;                   // [KEYS, STRIDE]
    float* p = (float*)(v + KEYS * STRIDE);          // [TILE_FRAMES, POWER_STRIDE]
    float* slice = p + TILE_FRAMES * POWER_STRIDE;   // [SLICE]: the table from the distance of first key and last query on

    float maximum[ROWS], total[ROWS] = {}, gate[ROWS] = {}, sum[ROWS][SUMS][4] = {};
    for (int r = 0; r < ROWS; r++) maximum[r] = -1.0f / 0.0f;

    copy_rows(q, queries, stride, TILE_FRAMES, frames - tile.first);
    copy_rows(k, keys, stride, KEYS, frames);
#if BIASED
    const float* table = bias + head * (2ll * radius + 1);
    const long long distance = threadIdx.x - (tile.first + TILE_FRAMES - 1ll);   // of this thread's value of the first slice
    if (threadIdx.x < SLICE) slice[threadIdx.x] = bias_at(table, radius, distance);
    for (int r = 0; r < ROWS; r++) {
        const long long query = tile.first + first_row + r * DOWN;
        if (query < frames) gate[r] = gates[(first_frame + query) * heads + head];
    }
#endif

    for (long long first_key = 0; first_key < frames; first_key += KEYS) {
        copy_async_wait<0>();
        __syncthreads();   // every thread's part of q, k and the slice is there; the last v and p have been read
        copy_rows(v, values + first_key * stride, stride, KEYS, frames - first_key);

        float score[ROWS][COLUMNS] = {};
        add_products(score, q + first_row * STRIDE, k + across * STRIDE);
        #pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const int row = first_row + r * DOWN;
            #pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                const int column = across + c * ACROSS;
                if (BIASED) score[r][c] = fmaf(gate[r], slice[TILE_FRAMES - 1 - row + column], score[r][c]);
                if (first_key + column >= frames) score[r][c] = -1.0f / 0.0f;
            }
            take_powers(score[r], maximum[r], total[r], sum[r], p + row * POWER_STRIDE + across);
        }

        copy_async_wait<0>();
        __syncthreads();   // every thread's part of v and p is there; k and the slice have been read
        const long long next_key = first_key + KEYS;
        if (next_key < frames) copy_rows(k, keys + next_key * stride, stride, KEYS, frames - next_key);
#if BIASED
        const float next = bias_at(table, radius, distance + next_key);   // asked for here, it arrives during the product
#endif
        add_values(sum, p + first_row * POWER_STRIDE, v, across);
#if BIASED
        if (threadIdx.x < SLICE) slice[threadIdx.x] = next;
#endif
    }

    #pragma unroll
    for (int r = 0; r < ROWS; r++) {
        const int row = first_row + r * DOWN;
        float all = total[r];
        #pragma unroll
        for (int lanes = ACROSS / 2; lanes > 0; lanes /= 2) all += __shfl_xor_sync(0xffffffffu, all, lanes);
        if (tile.first + row >= frames) continue;
        float* to = context + (first_frame + tile.first + row) * width + head * HEAD_WIDTH;
        #pragma unroll
        for (int c = 0; c < SUMS; c++) {
            #pragma unroll
            for (int n = 0; n < 4; n++) {
                const int column = 4 * (across + c * ACROSS) + n;
                if (column < HEAD_WIDTH) to[column] = sum[r][c][n] * (1.0f / all);
            }
        }
    }
}
