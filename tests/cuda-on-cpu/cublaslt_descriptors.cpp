// cuBLASLt's handle, descriptors and preferences: attributes under their real numbers and sizes. What exists in CUDA 11 only is refused.
#include <cstring>

#include "counts.h"
#include "cublaslt.h"

namespace emu {
namespace {

template <class Field> cublasStatus_t set(Field& field, const void* value, std::size_t bytes)
{
    if (!value || bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t removed(bool known) { return known ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE; }

}  // namespace

CublasLtTables& cublaslt()
{
    static CublasLtTables* const tables = new CublasLtTables;
    return *tables;
}

long long live_cublaslt_handles()
{
    const CublasLtTables& all = cublaslt();
    return all.libraries.count() + all.descs.count() + all.layouts.count() + all.preferences.count();
}

}  // namespace emu

using namespace emu;

CUDA_EXPORT std::size_t cublasLtGetVersion(void) { return 120800; }

CUDA_EXPORT cublasStatus_t cublasLtCreate(cublasLtHandle_t* created)
{
    const Call call;
    if (call.refused) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    cublaslt().libraries.add(std::make_shared<bool>(true), created);
    return CUBLAS_STATUS_SUCCESS;
}

CUDA_EXPORT cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    const Call call;
    return cublaslt().libraries.remove(handle) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* created, cublasComputeType_t compute, cudaDataType scale)
{
    const Call call;
    if (!created || compute < CUBLAS_COMPUTE_16F || compute > CUBLAS_COMPUTE_32F_FAST_TF32 || scale < 0) return CUBLAS_STATUS_INVALID_VALUE;
    const std::shared_ptr<MatmulDesc> desc = std::make_shared<MatmulDesc>();
    desc->compute = compute;
    desc->scale = scale;
    cublaslt().descs.add(desc, created);
    return CUBLAS_STATUS_SUCCESS;
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t handle)
{
    const Call call;
    return removed(cublaslt().descs.remove(handle) != nullptr);
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t which, const void* value,
                                                          std::size_t bytes)
{
    const Call call;
    const std::shared_ptr<MatmulDesc> desc = cublaslt().descs.find(handle);
    if (!desc) return CUBLAS_STATUS_INVALID_VALUE;
    switch (which) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE: return set(desc->compute, value, bytes);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE: return set(desc->scale, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE: return set(desc->pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA: return set(desc->transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return set(desc->transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSC: return set(desc->transpose_c, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return set(desc->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return set(desc->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE: return set(desc->bias_stride, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return set(desc->bias_type, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;   // the rest is not emulated
    }
}

CUDA_EXPORT cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* created, cudaDataType type, std::uint64_t rows, std::uint64_t columns,
                                                      std::int64_t ld)
{
    const Call call;
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    const std::shared_ptr<MatrixLayout> layout = std::make_shared<MatrixLayout>();
    layout->type = static_cast<std::uint32_t>(type);
    layout->rows = rows;
    layout->columns = columns;
    layout->ld = ld;
    cublaslt().layouts.add(layout, created);
    return CUBLAS_STATUS_SUCCESS;
}

CUDA_EXPORT cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t handle)
{
    const Call call;
    return removed(cublaslt().layouts.remove(handle) != nullptr);
}

CUDA_EXPORT cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle, cublasLtMatrixLayoutAttribute_t which, const void* value,
                                                            std::size_t bytes)
{
    const Call call;
    const std::shared_ptr<MatrixLayout> layout = cublaslt().layouts.find(handle);
    if (!layout) return CUBLAS_STATUS_INVALID_VALUE;
    switch (which) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE: return set(layout->type, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ORDER: return set(layout->order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS: return set(layout->rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS: return set(layout->columns, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD: return set(layout->ld, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return set(layout->batch, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return set(layout->stride, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;
    }
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* created)
{
    const Call call;
    if (!created) return CUBLAS_STATUS_INVALID_VALUE;
    cublaslt().preferences.add(std::make_shared<Preference>(), created);
    return CUBLAS_STATUS_SUCCESS;
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle)
{
    const Call call;
    return removed(cublaslt().preferences.remove(handle) != nullptr);
}

CUDA_EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle, cublasLtMatmulPreferenceAttributes_t which,
                                                                const void* value, std::size_t bytes)
{
    const Call call;
    const std::shared_ptr<Preference> preference = cublaslt().preferences.find(handle);
    if (!preference) return CUBLAS_STATUS_INVALID_VALUE;
    switch (which) {
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE: return set(preference->search_mode, value, bytes);
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return set(preference->max_workspace, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return set(preference->reduction_mask, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
        return set(preference->alignment[which - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
    case CUBLASLT_MATMUL_PREF_MAX_WAVES_COUNT: return set(preference->max_waves, value, bytes);
    case CUBLASLT_MATMUL_PREF_IMPL_MASK: return set(preference->implementations, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;   // the masks of math, pointer mode, epilogue and SM count ended with CUDA 11
    }
}
