using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda.Interop;

// Values and layouts of cublas_api.h, cublasLt.h and library_types.h, the same in CUDA 11.8, 12.8 and 13.0. Members that are used.

/// <summary>cublasStatus_t.</summary>
internal enum CublasStatus
{
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_NOT_INITIALIZED = 1,
    CUBLAS_STATUS_ALLOC_FAILED = 3,
    CUBLAS_STATUS_INVALID_VALUE = 7,
    CUBLAS_STATUS_ARCH_MISMATCH = 8,
    CUBLAS_STATUS_MAPPING_ERROR = 11,
    CUBLAS_STATUS_EXECUTION_FAILED = 13,
    CUBLAS_STATUS_INTERNAL_ERROR = 14,
    CUBLAS_STATUS_NOT_SUPPORTED = 15,
    CUBLAS_STATUS_LICENSE_ERROR = 16,
}

internal enum CudaDataType
{
    CUDA_R_32F = 0,
    CUDA_R_16F = 2,
    CUDA_R_16BF = 14,
}

internal enum CublasOperation
{
    CUBLAS_OP_N = 0,
    CUBLAS_OP_T = 1,
}

internal enum CublasComputeType
{
    CUBLAS_COMPUTE_32F = 68,
    CUBLAS_COMPUTE_32F_PEDANTIC = 69,
}

internal enum CublasLtEpilogue
{
    CUBLASLT_EPILOGUE_DEFAULT = 1,
    CUBLASLT_EPILOGUE_BIAS = 4,
}

internal enum CublasLtMatmulDescAttributes
{
    CUBLASLT_MATMUL_DESC_TRANSA = 3,
    CUBLASLT_MATMUL_DESC_TRANSB = 4,
    CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
    CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
    CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE = 10,
    CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26,
}

internal enum CublasLtMatrixLayoutAttribute
{
    CUBLASLT_MATRIX_LAYOUT_COLS = 3,
    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,
    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6,
}

/// <summary>Those that all majors have: the masks of math mode, pointer mode and epilogue are version 11 alone.</summary>
internal enum CublasLtMatmulPreferenceAttributes
{
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
}

internal enum CublasLtReductionScheme : uint
{
    CUBLASLT_REDUCTION_SCHEME_NONE = 0,
}

internal enum CublasLtMatmulAlgoConfigAttributes
{
    CUBLASLT_ALGO_CONFIG_ID = 0,
    CUBLASLT_ALGO_CONFIG_TILE_ID = 1,
    CUBLASLT_ALGO_CONFIG_SPLITK_NUM = 2,
    CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME = 3,
    CUBLASLT_ALGO_CONFIG_STAGES_ID = 6,
}

/// <summary>An algorithm with its settings, opaque: 64 bytes in every major.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct cublasLtMatmulAlgo_t
{
    [FieldOffset(0)] public fixed ulong data[8];
}

/// <summary>What the heuristic or the check says of an algorithm.</summary>
[StructLayout(LayoutKind.Explicit, Size = 96)]
internal struct cublasLtMatmulHeuristicResult_t
{
    [FieldOffset(0)] public cublasLtMatmulAlgo_t algo;
    [FieldOffset(64)] public nuint workspaceSize;
    [FieldOffset(72)] public CublasStatus state;
    [FieldOffset(76)] public float wavesCount;
}
