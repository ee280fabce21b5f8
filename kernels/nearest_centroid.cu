// indices[r] = the centroid with the least |x[r] - c|^2, the lowest of those that tie; -1 for a row with no finite distance.
// x [rows, columns] float, centroids [count, columns] float, indices [rows] int; any number of each.
// A block has 64 rows and walks over the centroids, 64 at a time, and for these over the channels, 32 at a time: both parts lie
// in shared memory. Each of the 4 warps has 16 rows; of these a lane has 4, with 8 of the centroids: 12 loads of 16 bytes for 128
// differences and as many FMAs. The least distance stays with the lane; a row's 8 lanes settle it at the end.
// float32, as the difference squared: |x|^2 - 2 x c + |c|^2 cancels for what is near.
// 3 FLOPs a row, centroid and channel in two instructions: bound by FMA.
#include "common/packed.cuh"

constexpr int ROWS_OF_BLOCK = 64, CENTROIDS = 64, CHANNELS = 32, WARPS = 4;
constexpr int ACROSS = 8, DOWN = 32 / ACROSS;                     // a warp's lanes: over centroids and over rows
constexpr int ROWS = ROWS_OF_BLOCK / WARPS / DOWN;                // a lane's rows, DOWN apart
constexpr int COLUMNS = CENTROIDS / ACROSS;                       // a lane's centroids, ACROSS apart
constexpr int FOURS = CHANNELS / 4, STRIDE = FOURS | 1;           // float4 from row to row: odd, so 8 rows lie in 32 banks

// A part of the rows from `first` on, zeros where there is no such row or channel.
__device__ __forceinline__ void load_part(float4* part, const float* x, long long first, long long rows, int first_column, int columns)
{
    #pragma unroll 2   // with all four loads at once sm_90 spills
    for (int i = threadIdx.x; i < 64 * FOURS; i += 32 * WARPS) {
        const int row = i / FOURS, column = first_column + 4 * (i % FOURS);
        const bool inside = first + row < rows && column < columns;
        part[row * STRIDE + i % FOURS] = inside ? load_four(x + (first + row) * columns + column, columns - column, columns % 4 == 0) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
}

__device__ __forceinline__ float add_square(float difference, float sum) { return fmaf(difference, difference, sum); }

extern "C" __global__ void __launch_bounds__(32 * WARPS)
nearest_centroid(const float* __restrict__ x, const float* __restrict__ centroids, int* __restrict__ indices, long long rows, int count, int columns)
{
    __shared__ float4 x_part[ROWS_OF_BLOCK * STRIDE], centroid_part[CENTROIDS * STRIDE];
    const long long first = (long long)blockIdx.x * ROWS_OF_BLOCK;
    const int across = threadIdx.x % ACROSS, first_row = threadIdx.x / 32 * (ROWS * DOWN) + threadIdx.x % 32 / ACROSS;

    float least[ROWS];
    int nearest[ROWS];
    for (int r = 0; r < ROWS; r++) least[r] = 1.0f / 0.0f, nearest[r] = -1;

    for (int first_centroid = 0; first_centroid < count; first_centroid += CENTROIDS) {
        float distance[ROWS][COLUMNS] = {};
        for (int channel = 0; channel < columns; channel += CHANNELS) {
            __syncthreads();   // the last parts have been read
            load_part(x_part, x, first, rows, channel, columns);
            load_part(centroid_part, centroids, first_centroid, count, channel, columns);
            __syncthreads();   // every thread's share of these is there
            for (int i = 0; i < FOURS; i++) {
                float4 row[ROWS];
                #pragma unroll
                for (int r = 0; r < ROWS; r++) row[r] = x_part[(first_row + r * DOWN) * STRIDE + i];
                #pragma unroll
                for (int c = 0; c < COLUMNS; c++) {
                    const float4 centroid = centroid_part[(across + c * ACROSS) * STRIDE + i];
                    #pragma unroll
                    for (int r = 0; r < ROWS; r++) {
                        distance[r][c] = add_square(row[r].x - centroid.x, distance[r][c]);
                        distance[r][c] = add_square(row[r].y - centroid.y, distance[r][c]);
                        distance[r][c] = add_square(row[r].z - centroid.z, distance[r][c]);
                        distance[r][c] = add_square(row[r].w - centroid.w, distance[r][c]);
                    }
                }
            }
        }
        #pragma unroll
        for (int r = 0; r < ROWS; r++) {
            #pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                const int index = first_centroid + across + c * ACROSS;
                if (index < count && distance[r][c] < least[r]) least[r] = distance[r][c], nearest[r] = index;
            }
        }
    }

    #pragma unroll
    for (int r = 0; r < ROWS; r++) {
        #pragma unroll
        for (int lanes = ACROSS / 2; lanes > 0; lanes /= 2) {
            const float other = __shfl_xor_sync(0xffffffffu, least[r], lanes);
            const int index = __shfl_xor_sync(0xffffffffu, nearest[r], lanes);
            if (other < least[r] || (other == least[r] && index < nearest[r])) least[r] = other, nearest[r] = index;
        }
        const long long row = first + first_row + r * DOWN;
        if (row < rows && across == 0) indices[row] = nearest[r];
    }
}
