// cuBLASLt inside the emulator: descriptors as the setters fill them, a problem as the checks accept it, and an algorithm.
#pragma once
#include "cublaslt_abi.h"
#include "device.h"
#include "gemm.h"

namespace emu {

struct MatmulDesc {
    int compute = 0, scale = 0, pointer_mode = CUBLASLT_POINTER_MODE_HOST;
    int transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N, transpose_c = CUBLAS_OP_N;
    std::uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    CUdeviceptr bias = 0;
    int bias_type = -1;   // that of D
    std::int64_t bias_stride = 0;
};

struct MatrixLayout {
    std::uint32_t type = 0;
    int order = CUBLASLT_ORDER_COL;
    std::uint64_t rows = 0, columns = 0;
    std::int64_t ld = 0;
    int batch = 1;
    std::int64_t stride = 0;

    cudaDataType element() const { return static_cast<cudaDataType>(type); }
    // Bytes from the first element to behind the last, of all the batch.
    std::size_t extent() const
    {
        return static_cast<std::size_t>(((batch - 1) * stride + static_cast<std::int64_t>(columns - 1) * ld + static_cast<std::int64_t>(rows)) *
                                        element_size(element()));
    }
    bool operator==(const MatrixLayout& other) const
    {
        return type == other.type && order == other.order && rows == other.rows && columns == other.columns && ld == other.ld &&
               batch == other.batch && stride == other.stride;
    }
};

struct Preference {
    std::uint32_t search_mode = 0, reduction_mask = CUBLASLT_REDUCTION_SCHEME_MASK;
    std::uint64_t max_workspace = 0, implementations = ~0ull;
    std::uint32_t alignment[4] = {256, 256, 256, 256};   // of A, B, C, D
    float max_waves = 0;
};

// D[m, n] = alpha op(A)[m, k] op(B)[k, n] + beta C + bias[m], `batch` times, column-major.
struct Problem {
    MatmulDesc desc;
    MatrixLayout a, b, c, d;
    long long m = 0, n = 0, k = 0;
};

struct Algorithm {
    int id = 0, tile = 0, stages = 0, split = 1, scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
};

struct CublasLtTables {
    Handles<bool> libraries;
    Handles<MatmulDesc> descs;
    Handles<MatrixLayout> layouts;
    Handles<Preference> preferences;
};
CublasLtTables& cublaslt();

// The problem that the descriptors pose, or why the real library would refuse it.
cublasStatus_t make_problem(cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                            cublasLtMatrixLayout_t d, Problem& problem);

// The algorithms for the problem, the preferred first.
std::vector<Algorithm> choose(const Problem& problem, const Preference& preference);

// Null where the 64 bytes are none of ours.
bool decode(const cublasLtMatmulAlgo_t& packed, Algorithm& algorithm);

bool supports(const Algorithm& algorithm, const Problem& problem);
int alignment_of(const Algorithm& algorithm);                     // bytes, of every pointer
std::size_t workspace_of(const Algorithm& algorithm, const Problem& problem);
SumOrder order_of(const Algorithm& algorithm, const Problem& problem);

// What a matmul reads and writes, by address.
struct Addresses { CUdeviceptr a, b, c, d, workspace; };

// Runs it on the memory as it is now.
CUresult run_matmul(const Problem& problem, const Algorithm& algorithm, const Addresses& at, float alpha, float beta);

// Whether everything that it touches lies in live allocations; if not, a report is made.
bool check_matmul_ranges(const Problem& problem, const Algorithm& algorithm, const Addresses& at, float beta);

}  // namespace emu
