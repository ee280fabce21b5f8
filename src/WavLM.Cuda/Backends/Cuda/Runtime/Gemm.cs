using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Products of one shape on cuBLASLt, all with one algorithm. An algorithm decides in which order a sum's terms are added, and
/// so the bits; the library would choose by the number of rows, which follows from the batch. So it is asked once, for
/// <see cref="ReferenceRows"/> rows, and what it chose is used for every number of rows or not at all. No algorithm that splits
/// a sum is wanted: its parts would be added as blocks come to an end.
/// Row-major y = x W^T is column-major y^T = W x^T: to the library W is the first operand, transposed.
/// </summary>
internal sealed unsafe class Gemm : IDisposable
{
    /// <summary>Near the 3,000 frames of a minute: a batch of a few utterances.</summary>
    internal const int ReferenceRows = 4096;

    private readonly CublasLtHandle _library;
    private readonly Tensor _workspace;
    private readonly MatmulDescHandle _operation;
    private readonly MatrixLayoutHandle _weights, _source, _destination;
    private readonly cublasLtMatmulAlgo_t _algorithm;
    private readonly HashSet<long> _checkedRows = [];
    private long _rows;
    private nuint _bias;

    /// <param name="library">Of the current context.</param>
    /// <param name="shape">What is multiplied.</param>
    /// <param name="workspace">For the library, on the stream that products run on.</param>
    /// <param name="referenceRows">Another number only in the control that shows what bits it costs.</param>
    /// <exception cref="GemmRefusedException">The library has no algorithm for it that keeps bits.</exception>
    public Gemm(CublasLtHandle library, GemmShape shape, Tensor workspace, int referenceRows = ReferenceRows)
    {
        _library = library;
        _workspace = workspace;
        Shape = shape;
        try
        {
            _operation = Operation(shape);
            if (shape.Bias) SetBias((nuint)workspace.Address);   // aligned as every tensor is: the choice may depend on it
            _weights = Layout(shape.Operands, shape.Inner, shape.Outputs, shape.WeightStride, 0);
            _source = Layout(shape.Operands, shape.Inner, referenceRows, (long)shape.SourceStride * shape.Batches, shape.SourceStride);
            _destination = Layout(shape.Results, shape.Outputs, referenceRows, (long)shape.Outputs * shape.Batches, shape.Outputs);
            _algorithm = Choose();
            Algorithm = GemmAlgorithm.Of(_algorithm);
            if (Algorithm.SplitK > 1 || Algorithm.ReductionScheme != 0)
                throw new GemmRefusedException($"cuBLASLt chose algorithm {Algorithm} for {shape}, which splits sums into {Algorithm.SplitK} parts though it was told not to");
        }
        catch
        {
            Dispose();
            throw;
        }
        _rows = referenceRows;
        _checkedRows.Add(referenceRows);
    }

    public GemmShape Shape { get; }

    public GemmAlgorithm Algorithm { get; }

    /// <summary>y (+)= x w^T (+ bias), for the rows up to the next whole tile: x and y reach that far. Allocates nothing.</summary>
    /// <exception cref="GemmRefusedException">The algorithm can't do this number of rows.</exception>
    public void Run(CudaStream stream, nuint x, nuint w, nuint bias, nuint y, long rows, bool accumulate)
    {
        if (rows == 0) return;
        SetRows(Shape.RowsOfProduct(rows));
        if (Shape.Bias) SetBias(bias);
        float one = 1, scale = accumulate ? 1 : 0;
        CublasStatus status = CublasLt.cublasLtMatmul(
            _library, _operation, &one, w, _weights, x, _source, &scale, y, _destination, y, _destination,
            _algorithm, (nuint)_workspace.Address, (nuint)_workspace.Bytes, stream.Handle);
        if (status != CublasStatus.CUBLAS_STATUS_SUCCESS) throw CudaException.For(status, $"cublasLtMatmul of {Shape}, {rows} rows, algorithm {Algorithm}");
    }

    public void Dispose()
    {
        _operation?.Dispose();   // of one that was not made to its end some are missing
        _weights?.Dispose();
        _source?.Dispose();
        _destination?.Dispose();
    }

    private static MatmulDescHandle Operation(GemmShape shape)
    {
        // Pedantic: no TensorFloat-32, whatever the environment says. Half operands are what tensor cores are for.
        CublasComputeType compute = shape.Operands == ElementType.Float32 ? CublasComputeType.CUBLAS_COMPUTE_32F_PEDANTIC : CublasComputeType.CUBLAS_COMPUTE_32F;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescCreate(out MatmulDescHandle operation, compute, CudaDataType.CUDA_R_32F));
        CublasOperation transposed = CublasOperation.CUBLAS_OP_T;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescSetAttribute(operation, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(CublasOperation)));
        CublasLtEpilogue epilogue = shape.Bias ? CublasLtEpilogue.CUBLASLT_EPILOGUE_BIAS : CublasLtEpilogue.CUBLASLT_EPILOGUE_DEFAULT;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescSetAttribute(operation, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof(CublasLtEpilogue)));
        return operation;
    }

    private static CudaDataType TypeOf(ElementType type) => type switch
    {
        ElementType.Float32 => CudaDataType.CUDA_R_32F,
        ElementType.Float16 => CudaDataType.CUDA_R_16F,
        ElementType.BFloat16 => CudaDataType.CUDA_R_16BF,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no product is of this type"),
    };

    private MatrixLayoutHandle Layout(ElementType type, int rows, int columns, long leadingDimension, long batchStride)
    {
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutCreate(out MatrixLayoutHandle layout, TypeOf(type), (ulong)rows, (ulong)columns, leadingDimension));
        if (Shape.Batches == 1) return layout;
        int batches = Shape.Batches;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutSetAttribute(layout, CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batches, sizeof(int)));
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutSetAttribute(layout, CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batchStride, sizeof(long)));
        return layout;
    }

    private cublasLtMatmulAlgo_t Choose()
    {
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceCreate(out MatmulPreferenceHandle preference));
        using (preference)
        {
            ulong workspace = (ulong)_workspace.Bytes;
            CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, CublasLtMatmulPreferenceAttributes.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof(ulong)));
            CublasLtReductionScheme none = CublasLtReductionScheme.CUBLASLT_REDUCTION_SCHEME_NONE;
            CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, CublasLtMatmulPreferenceAttributes.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &none, sizeof(CublasLtReductionScheme)));
            cublasLtMatmulHeuristicResult_t chosen = default;
            CublasStatus status = CublasLt.cublasLtMatmulAlgoGetHeuristic(_library, _operation, _weights, _source, _destination, _destination, preference, 1, &chosen, out int returned);
            if (status == CublasStatus.CUBLAS_STATUS_NOT_SUPPORTED || (status == CublasStatus.CUBLAS_STATUS_SUCCESS && (returned == 0 || chosen.state != CublasStatus.CUBLAS_STATUS_SUCCESS)))
                throw new GemmRefusedException($"cuBLASLt has no algorithm for {Shape} that does not split sums ({status}, {chosen.state})");
            CublasLt.ThrowIfFailed(status, $"cublasLtMatmulAlgoGetHeuristic of {Shape}");
            return chosen.algo;
        }
    }

    private void SetRows(long rows)
    {
        if (rows != _rows)
        {
            _rows = 0;   // neither, should the second call fail
            SetColumns(_source, rows);
            SetColumns(_destination, rows);
            _rows = rows;
        }
        if (!_checkedRows.Contains(rows)) Check(rows);
    }

    private void Check(long rows)
    {
        CublasStatus status = CublasLt.cublasLtMatmulAlgoCheck(_library, _operation, _weights, _source, _destination, _destination, _algorithm, out cublasLtMatmulHeuristicResult_t result);
        if (status != CublasStatus.CUBLAS_STATUS_SUCCESS || result.state != CublasStatus.CUBLAS_STATUS_SUCCESS || result.workspaceSize > (nuint)_workspace.Bytes)
        {
            throw new GemmRefusedException(
                $"cuBLASLt's algorithm {Algorithm}, chosen for {Shape}, refuses {rows} rows ({status}, {result.state}, workspace {result.workspaceSize:N0} of {_workspace.Bytes:N0} bytes); another would give other bits");
        }
        _checkedRows.Add(rows);
    }

    /// <summary>A layout costs a call to change, so there is one of each, not one for every number of rows.</summary>
    private static void SetColumns(MatrixLayoutHandle layout, long columns)
        => CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutSetAttribute(layout, CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_COLS, &columns, sizeof(long)));

    private void SetBias(nuint bias)
    {
        if (bias == _bias) return;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescSetAttribute(_operation, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, (nuint)sizeof(nuint)));
        _bias = bias;
    }
}
