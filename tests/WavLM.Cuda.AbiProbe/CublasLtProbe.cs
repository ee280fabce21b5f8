using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.AbiProbe;

/// <summary>Descriptors, layouts and preferences are the host's; only the handle and what takes it need a device.</summary>
internal static unsafe class CublasLtProbe
{
    public static void Run()
    {
        Facts.Add("cublasLt.version", CublasLt.cublasLtGetVersion());
        CublasStatus created = CublasLt.cublasLtCreate(out nint handle);
        Facts.Add("cublasLt.create", created);
        if (created == CublasStatus.CUBLAS_STATUS_SUCCESS) CublasLt.cublasLtDestroy(handle);
        Facts.Add("cublasLt.create.error", NvrtcProbe.ErrorOf(() => CublasLt.ThrowIfFailed(created)));

        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulDescCreate(out MatmulDescHandle descriptor, CublasComputeType.CUBLAS_COMPUTE_32F_PEDANTIC, CudaDataType.CUDA_R_32F));
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatrixLayoutCreate(out MatrixLayoutHandle layout, CudaDataType.CUDA_R_32F, 64, 64, 64));
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulPreferenceCreate(out MatmulPreferenceHandle preference));
        using (descriptor)
        using (layout)
        using (preference)
        {
            // Each attribute at the width the bindings' users give it; the library refuses another.
            Attribute("TRANSA", 4, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_TRANSA, (void*)value, bytes));
            Attribute("TRANSB", 4, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_TRANSB, (void*)value, bytes));
            Attribute("EPILOGUE", 4, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_EPILOGUE, (void*)value, bytes));
            Attribute("BIAS_POINTER", 8, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_BIAS_POINTER, (void*)value, bytes));
            Attribute("BIAS_BATCH_STRIDE", 8, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, (void*)value, bytes));
            Attribute("BIAS_DATA_TYPE", 4, (value, bytes) => CublasLt.cublasLtMatmulDescSetAttribute(descriptor, CublasLtMatmulDescAttributes.CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, (void*)value, bytes));
            foreach (CublasLtMatrixLayoutAttribute attribute in Enum.GetValues<CublasLtMatrixLayoutAttribute>())
                Attribute(attribute.ToString(), attribute == CublasLtMatrixLayoutAttribute.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT ? 4u : 8u, (value, bytes) => CublasLt.cublasLtMatrixLayoutSetAttribute(layout, attribute, (void*)value, bytes));
            foreach (CublasLtMatmulPreferenceAttributes attribute in Enum.GetValues<CublasLtMatmulPreferenceAttributes>())
                Attribute(attribute.ToString(), attribute == CublasLtMatmulPreferenceAttributes.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8u : 4u, (value, bytes) => CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, (void*)value, bytes));

            using PrimaryContextHandle context = new(1, new PendingReleases(), _ => { });
            using CublasLtHandle none = new(0, context);
            using StreamHandle stream = new(0, context);
            cublasLtMatmulHeuristicResult_t result;
            Facts.Add("cublasLt.heuristic", CublasLt.cublasLtMatmulAlgoGetHeuristic(none, descriptor, layout, layout, layout, layout, preference, 1, &result, out _));
            cublasLtMatmulAlgo_t algorithm = default;
            float one = 1;
            float* scale = &one;
            Facts.Add("cublasLt.matmul", CublasLt.cublasLtMatmul(none, descriptor, scale, 0, layout, 0, layout, scale, 0, layout, 0, layout, algorithm, 0, 0, stream));
            Facts.Add("cublasLt.matmul.allocated", Facts.AllocatedBy(() => CublasLt.cublasLtMatmul(none, descriptor, scale, 0, layout, 0, layout, scale, 0, layout, 0, layout, algorithm, 0, 0, stream)));
        }
    }

    private delegate CublasStatus Set(nint value, nuint bytes);

    private static void Attribute(string name, nuint bytes, Set set)
    {
        long value = 1;
        Facts.Add($"cublasLt.attribute.{name}", $"{bytes} bytes {set((nint)(&value), bytes)}, {bytes / 2} bytes {set((nint)(&value), bytes / 2)}");
    }
}
