// cublasLtMatmul: checks of the call, then the product at its turn on the stream. Rows that were never written stay so through a product:
// the engine rounds rows up, and what nobody wrote nobody may use.
#include <algorithm>
#include <cstring>

#include "counts.h"
#include "cublaslt.h"
#include "faults.h"

namespace emu {
namespace {

constexpr const char* NAME = "cublasLtMatmul";

// Marks each vector of k (row of op(A), column of op(B)) that holds an element nobody wrote.
std::vector<bool> unwritten_vectors(const MatrixLayout& layout, CUdeviceptr base, bool vectors_are_rows)
{
    const long long size = element_size(layout.element()), rows = static_cast<long long>(layout.rows), columns = static_cast<long long>(layout.columns);
    std::vector<bool> marks(vectors_are_rows ? rows : columns);
    for (long long column = 0; column < columns; column++) {
        const CUdeviceptr first = base + static_cast<CUdeviceptr>(column * layout.ld * size);
        if (written(first, static_cast<std::size_t>(rows * size))) continue;
        if (!vectors_are_rows) marks[column] = true;
        else
            for (long long row = 0; row < rows; row++)
                if (!written(first + static_cast<CUdeviceptr>(row * size), static_cast<std::size_t>(size))) marks[row] = true;
    }
    return marks;
}

// One of the batch. The panel's sums become a panel of D: alpha, beta C, bias, and what was never written.
struct Product {
    const Problem& problem;
    SumOrder order;
    CUdeviceptr a, b, c, d, bias;
    float alpha, beta;
    bool all_rows = true;   // of op(A) were written

    void run()
    {
        const bool ta = problem.desc.transpose_a != CUBLAS_OP_N, tb = problem.desc.transpose_b != CUBLAS_OP_N;
        const Operand left = {reinterpret_cast<const void*>(a), problem.a.element(), problem.a.ld, ta};
        const Operand right = {reinterpret_cast<const void*>(b), problem.b.element(), problem.b.ld, tb};
        const std::vector<bool> no_row = unwritten_vectors(problem.a, a, !ta), no_column = unwritten_vectors(problem.b, b, tb);
        all_rows = std::find(no_row.begin(), no_row.end(), true) == no_row.end();
        std::vector<float> sums;
        for (long long first = 0; first < problem.n; first += PANEL_COLUMNS) {
            const long long count = std::min(PANEL_COLUMNS, problem.n - first);
            multiply(problem.m, first, count, problem.k, left, right, order, sums);
            for (long long j = 0; j < count; j++) store_column(first + j, sums.data() + j * problem.m, no_row, no_column[first + j]);
        }
    }

    void store_column(long long j, const float* sums, const std::vector<bool>& no_row, bool no_column)
    {
        const cudaDataType type = problem.d.element();
        const long long size = element_size(type);
        const CUdeviceptr target = d + static_cast<CUdeviceptr>(j * problem.d.ld * size), added = c + static_cast<CUdeviceptr>(j * problem.c.ld * size);
        const std::size_t bytes = static_cast<std::size_t>(problem.m * size);
        const bool adds = beta != 0;
        std::vector<bool> missing;   // elements of C, where there are such
        if (adds && !written(added, bytes))
            for (long long i = 0; i < problem.m; i++) missing.push_back(!written(added + static_cast<CUdeviceptr>(i * size), static_cast<std::size_t>(size)));
        std::vector<float> values(problem.m), more(problem.m);
        for (long long i = 0; i < problem.m; i++) values[i] = alpha * sums[i];
        if (adds) {
            load(reinterpret_cast<const void*>(added), type, problem.m, more.data());
            for (long long i = 0; i < problem.m; i++) values[i] += beta * more[i];
        }
        if (bias) {
            load(reinterpret_cast<const void*>(bias), type, problem.m, more.data());
            for (long long i = 0; i < problem.m; i++) values[i] += more[i];
        }
        store(values.data(), problem.m, type, reinterpret_cast<void*>(target));
        if (no_column) {
            mark_unwritten(target, bytes);
            return;
        }
        mark_written(target, bytes);
        if (missing.empty() && all_rows) return;
        for (long long i = 0; i < problem.m; i++)
            if (no_row[i] || (!missing.empty() && missing[i])) mark_unwritten(target + static_cast<CUdeviceptr>(i * size), static_cast<std::size_t>(size));
    }
};

std::size_t bias_bytes(const Problem& problem)
{
    return static_cast<std::size_t>(((problem.d.batch - 1) * problem.desc.bias_stride + problem.m) * element_size(problem.d.element()));
}

bool has_bias(const Problem& problem) { return problem.desc.epilogue == CUBLASLT_EPILOGUE_BIAS; }

}  // namespace

bool check_matmul_ranges(const Problem& problem, const Algorithm& algorithm, const Addresses& at, float beta)
{
    return check_range("cublasLtMatmul, A", at.a, problem.a.extent()) && check_range("cublasLtMatmul, B", at.b, problem.b.extent()) &&
           (beta == 0 || check_range("cublasLtMatmul, C", at.c, problem.c.extent())) && check_range("cublasLtMatmul, D", at.d, problem.d.extent()) &&
           (!has_bias(problem) || check_range("cublasLtMatmul, bias", problem.desc.bias, bias_bytes(problem))) &&
           check_range("cublasLtMatmul, workspace", at.workspace, workspace_of(algorithm, problem));
}

CUresult run_matmul(const Problem& problem, const Algorithm& algorithm, const Addresses& at, float alpha, float beta)
{
    if (!check_matmul_ranges(problem, algorithm, at, beta)) return CUDA_ERROR_ILLEGAL_ADDRESS;
    const long long in = element_size(problem.a.element()), out = element_size(problem.d.element());
    if (const std::size_t bytes = workspace_of(algorithm, problem)) {
        std::memset(reinterpret_cast<void*>(at.workspace), 0xff, bytes);   // whatever was there is gone
        mark_written(at.workspace, bytes);
    }
    for (long long index = 0; index < problem.d.batch; index++) {
        const auto moved = [index](CUdeviceptr base, long long stride, long long size) { return base + static_cast<CUdeviceptr>(index * stride * size); };
        const CUdeviceptr bias = has_bias(problem) ? moved(problem.desc.bias, problem.desc.bias_stride, out) : 0;
        if (bias && !written(bias, static_cast<std::size_t>(problem.m * out))) {
            report("cublasLtMatmul: the bias holds elements that were never written");
            return CUDA_ERROR_LAUNCH_FAILED;
        }
        Product{problem, order_of(algorithm, problem), moved(at.a, problem.a.stride, in), moved(at.b, problem.b.stride, in),
                moved(at.c, problem.c.stride, out), moved(at.d, problem.d.stride, out), bias, alpha, beta, true}.run();
    }
    return CUDA_SUCCESS;
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                                          cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                                          const void* c, cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                                          const cublasLtMatmulAlgo_t* packed, void* workspace, std::size_t workspace_bytes, CUstream stream_handle)
{
    const Call call;
    if (call.refused && context_is_current()) return CUBLAS_STATUS_EXECUTION_FAILED;   // it is dead
    if (call.refused || !cublaslt().libraries.find(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    Problem problem;
    if (const cublasStatus_t refused = make_problem(desc, a_layout, b_layout, c_layout, d_layout, problem)) return refused;
    const std::shared_ptr<Stream> stream = find_stream(stream_handle);
    if (!stream || !alpha || !beta || !a || !b || !d) return CUBLAS_STATUS_INVALID_VALUE;
    float by, plus;   // read now, like every host scalar
    std::memcpy(&by, alpha, sizeof by);
    std::memcpy(&plus, beta, sizeof plus);
    if ((plus != 0 && !c) || (c == d && !(problem.c == problem.d)) || d == a || d == b) return CUBLAS_STATUS_INVALID_VALUE;
    if (problem.desc.epilogue == CUBLASLT_EPILOGUE_BIAS && problem.desc.bias == 0) return CUBLAS_STATUS_INVALID_VALUE;

    Algorithm algorithm;
    if (packed) {
        if (!decode(*packed, algorithm)) return CUBLAS_STATUS_INVALID_VALUE;
        if (!supports(algorithm, problem)) return CUBLAS_STATUS_NOT_SUPPORTED;
    } else {
        Preference preference;
        preference.max_workspace = workspace ? workspace_bytes : 0;
        const std::vector<Algorithm> all = choose(problem, preference);
        if (all.empty()) return CUBLAS_STATUS_NOT_SUPPORTED;
        algorithm = all.front();
    }
    const std::size_t needed = workspace_of(algorithm, problem);
    if (needed > 0 && (!workspace || workspace_bytes < needed)) return CUBLAS_STATUS_INVALID_VALUE;

    const Addresses at = {reinterpret_cast<CUdeviceptr>(a), reinterpret_cast<CUdeviceptr>(b), plus != 0 ? reinterpret_cast<CUdeviceptr>(c) : 0,
                          reinterpret_cast<CUdeviceptr>(d), needed > 0 ? reinterpret_cast<CUdeviceptr>(workspace) : 0};
    // The bias is read as D is written: in vectors of the same width.
    const auto aligned = [&](CUdeviceptr address, const MatrixLayout& layout) {
        return address % static_cast<CUdeviceptr>(std::max<long long>(alignment_of(algorithm), element_size(layout.element()))) == 0;
    };
    if (!aligned(at.a, problem.a) || !aligned(at.b, problem.b) || !aligned(at.c, problem.c) || !aligned(at.d, problem.d) || at.workspace % 16 ||
        (has_bias(problem) && !aligned(problem.desc.bias, problem.d)))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (const int failed = fault(fault_matmul)) return static_cast<cublasStatus_t>(failed);
    if (!check_matmul_ranges(problem, algorithm, at, plus)) {
        call.context().sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }

    const std::shared_ptr<Work> product = new_work(Work::COMPUTE, NAME);
    for (const CUdeviceptr address : {at.a, at.b, at.c, at.d, at.workspace, has_bias(problem) ? problem.desc.bias : 0})
        if (address) product->touched.push_back(address);
    product->put = [] { counts.matmuls++; };
    product->run = [=] { return run_matmul(problem, algorithm, at, by, plus); };
    return submit(*stream, product) == CUDA_SUCCESS ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
