using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>What a product computes in.</summary>
/// <param name="Compute">Of the sums.</param>
/// <param name="Operands">Type of x and w.</param>
/// <param name="Result">Type of y.</param>
internal readonly record struct ProductTypes(CublasComputeType Compute, CudaDataType Operands, CudaDataType Result)
{
    /// <summary>What the engine multiplies in.</summary>
    /// <param name="precision">Of the operands.</param>
    /// <param name="toStream">Whether the result is the residual stream, or another one that stays float32.</param>
    public static ProductTypes Of(Precision precision, bool toStream = false)
    {
        CudaDataType operands = precision switch
        {
            Precision.Float16 => CudaDataType.CUDA_R_16F,
            Precision.BFloat16 => CudaDataType.CUDA_R_16BF,
            _ => CudaDataType.CUDA_R_32F,
        };
        return new(
            precision == Precision.Float32 ? CublasComputeType.CUBLAS_COMPUTE_32F_PEDANTIC : CublasComputeType.CUBLAS_COMPUTE_32F,
            operands, toStream ? CudaDataType.CUDA_R_32F : operands);
    }

    public int OperandBytes => Operands == CudaDataType.CUDA_R_32F ? 4 : 2;

    public int ResultBytes => Result == CudaDataType.CUDA_R_32F ? 4 : 2;

    /// <summary>As a report has it.</summary>
    public override string ToString() => Name(Operands) + (Result == Operands ? "" : " to " + Name(Result));

    private static string Name(CudaDataType type) => type switch
    {
        CudaDataType.CUDA_R_16F => "fp16",
        CudaDataType.CUDA_R_16BF => "bf16",
        _ => "fp32",
    };
}

/// <summary>The sizes of a product y[rows, outputs] = x[rows, inner] w[outputs, inner]^T, and how far its rows lie apart.</summary>
internal readonly record struct ProductShape(long Rows, int Outputs, int Inner)
{
    public long SourceStride { get; init; } = Inner;

    public long ResultStride { get; init; } = Outputs;

    public int Batches { get; init; } = 1;

    /// <summary>From one product of the batch to the next.</summary>
    public long SourceBatchStride { get; init; }

    public long ResultBatchStride { get; init; }

    public double Flops => 2.0 * Rows * Batches * Outputs * Inner;
}

/// <summary>One product, described to cuBLASLt without the rules that the engine keeps: to ask what happens without them.</summary>
internal sealed unsafe class Product : IDisposable
{
    private readonly CublasLtHandle _library;
    private readonly MatmulDescHandle _operation;
    private readonly MatrixLayoutHandle _weights, _source, _result;

    public Product(CublasLtHandle library, ProductTypes types, ProductShape shape, nuint bias = 0)
    {
        _library = library;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescCreate(out _operation, types.Compute, CudaDataType.CUDA_R_32F));
        Set(CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_TRANSA, CublasOperation.CUBLAS_OP_T);
        if (bias != 0)
        {
            Set(CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_EPILOGUE, CublasLtEpilogue.CUBLASLT_EPILOGUE_BIAS);
            Set(CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        }
        // Row-major y = x w^T is column-major y^T = w x^T.
        _weights = Layout(types.Operands, shape.Inner, shape.Outputs, shape.Inner, shape.Batches, 0);
        _source = Layout(types.Operands, shape.Inner, shape.Rows, shape.SourceStride, shape.Batches, shape.SourceBatchStride);
        _result = Layout(types.Result, shape.Outputs, shape.Rows, shape.ResultStride, shape.Batches, shape.ResultBatchStride);
    }

    /// <summary>What the heuristic offers, none of it with split sums.</summary>
    public cublasLtMatmulHeuristicResult_t[] Offered(int most, nint workspaceBytes, out CublasStatus status)
    {
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceCreate(out MatmulPreferenceHandle preference));
        using (preference)
        {
            ulong bytes = (ulong)workspaceBytes;
            CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, CublasLtMatmulPreferenceAttributes.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof(ulong)));
            CublasLtReductionScheme none = CublasLtReductionScheme.CUBLASLT_REDUCTION_SCHEME_NONE;
            CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, CublasLtMatmulPreferenceAttributes.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &none, sizeof(CublasLtReductionScheme)));
            var offers = new cublasLtMatmulHeuristicResult_t[most];
            int returned;
            fixed (cublasLtMatmulHeuristicResult_t* first = offers)
                status = CublasLt.cublasLtMatmulAlgoGetHeuristic(_library, _operation, _weights, _source, _result, _result, preference, most, first, out returned);
            return status == CublasStatus.CUBLAS_STATUS_SUCCESS ? [.. offers.Take(returned).Where(offer => offer.state == CublasStatus.CUBLAS_STATUS_SUCCESS)] : [];
        }
    }

    public bool Accepts(in cublasLtMatmulAlgo_t algorithm)
        => CublasLt.cublasLtMatmulAlgoCheck(_library, _operation, _weights, _source, _result, _result, algorithm, out cublasLtMatmulHeuristicResult_t answer) == CublasStatus.CUBLAS_STATUS_SUCCESS
            && answer.state == CublasStatus.CUBLAS_STATUS_SUCCESS;

    public CublasStatus Run(CudaStream stream, nuint x, nuint w, nuint y, in cublasLtMatmulAlgo_t algorithm, nuint workspace, nint workspaceBytes, bool accumulate = false)
    {
        float one = 1, scale = accumulate ? 1 : 0;
        return CublasLt.cublasLtMatmul(_library, _operation, &one, w, _weights, x, _source, &scale, y, _result, y, _result, algorithm, workspace, (nuint)workspaceBytes, stream.Handle);
    }

    public void Dispose()
    {
        _weights.Dispose();
        _source.Dispose();
        _result.Dispose();
        _operation.Dispose();
    }

    private void Set<T>(CublasLtMatmulDescAttributes attribute, T value)
        where T : unmanaged
        => CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescSetAttribute(_operation, attribute, &value, (nuint)sizeof(T)));

    private static MatrixLayoutHandle Layout(CudaDataType type, long rows, long columns, long leadingDimension, int batches, long batchStride)
    {
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutCreate(out MatrixLayoutHandle layout, type, (ulong)rows, (ulong)columns, leadingDimension));
        if (batches == 1) return layout;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutSetAttribute(layout, CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batches, sizeof(int)));
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutSetAttribute(layout, CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batchStride, sizeof(long)));
        return layout;
    }
}
