using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>
/// The functions of cuBLASLt that the runtime calls (cublasLt.h), major versions 11 to 13. Descriptors grow from one to the next,
/// so the library makes them itself; an algorithm and a heuristic's result have one layout in all.
/// </summary>
internal static unsafe partial class CublasLt
{
    private const string Library = "cublasLt";   // a key for NativeLibraries, not a file name

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtCreate(out nint handle);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtDestroy(nint handle);

    /// <returns>11.11.3 is 111103, 12.8.0 is 120800.</returns>
    [LibraryImport(Library)]
    internal static partial nuint cublasLtGetVersion();

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulDescCreate(out MatmulDescHandle descriptor, CublasComputeType compute, CudaDataType scale);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulDescDestroy(nint descriptor);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulDescSetAttribute(MatmulDescHandle descriptor, CublasLtMatmulDescAttributes attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatrixLayoutCreate(out MatrixLayoutHandle layout, CudaDataType type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatrixLayoutSetAttribute(MatrixLayoutHandle layout, CublasLtMatrixLayoutAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulPreferenceCreate(out MatmulPreferenceHandle preference);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulPreferenceSetAttribute(MatmulPreferenceHandle preference, CublasLtMatmulPreferenceAttributes attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulAlgoGetHeuristic(CublasLtHandle handle, MatmulDescHandle descriptor, MatrixLayoutHandle a, MatrixLayoutHandle b, MatrixLayoutHandle c, MatrixLayoutHandle d,
        MatmulPreferenceHandle preference, int requested, cublasLtMatmulHeuristicResult_t* results, out int returned);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulAlgoCheck(CublasLtHandle handle, MatmulDescHandle descriptor, MatrixLayoutHandle a, MatrixLayoutHandle b, MatrixLayoutHandle c, MatrixLayoutHandle d,
        in cublasLtMatmulAlgo_t algorithm, out cublasLtMatmulHeuristicResult_t result);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmulAlgoConfigGetAttribute(in cublasLtMatmulAlgo_t algorithm, CublasLtMatmulAlgoConfigAttributes attribute, void* value, nuint bytes, out nuint written);

    [LibraryImport(Library)]
    internal static partial CublasStatus cublasLtMatmul(CublasLtHandle handle, MatmulDescHandle descriptor, void* alpha, nuint a, MatrixLayoutHandle aLayout, nuint b, MatrixLayoutHandle bLayout,
        void* beta, nuint c, MatrixLayoutHandle cLayout, nuint d, MatrixLayoutHandle dLayout, in cublasLtMatmulAlgo_t algorithm, nuint workspace, nuint workspaceBytes, StreamHandle stream);

    /// <exception cref="CudaException">The call was wrong, or the library cannot do it; the context is as before.</exception>
    /// <exception cref="DeviceMemoryException">The device has no memory left for the library's own needs.</exception>
    /// <exception cref="DeviceLostException">The context is dead, and so is everything made in it.</exception>
    internal static void ThrowIfFailed(CublasStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CublasStatus.CUBLAS_STATUS_SUCCESS) throw CudaException.For(status, call);
    }
}
