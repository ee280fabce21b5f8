namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>What a failed call leaves behind.</summary>
internal enum CudaErrorFamily
{
    /// <summary>The call was wrong, or is not supported here. The context is as before.</summary>
    BadCall,

    /// <summary>The device has no such memory left. The context is as before: a smaller batch may fit.</summary>
    OutOfMemory,

    /// <summary>The context is dead. Every later call fails.</summary>
    Fatal,
}

/// <summary>A call into the driver, NVRTC or cuBLASLt failed. Codes of memory and of a dead context are inside a <see cref="DeviceMemoryException"/> or <see cref="DeviceLostException"/>.</summary>
internal sealed class CudaException : DeviceException
{
    private CudaException(Enum code, CudaErrorFamily family, string text, string call)
        : base($"{code} ({code:D}), {text}, from {call}")
    {
        Code = code;
        Family = family;
        Call = call;
    }

    /// <summary>A <see cref="CuResult"/>, <see cref="NvrtcResult"/> or <see cref="CublasStatus"/>.</summary>
    public Enum Code { get; }

    public CudaErrorFamily Family { get; }

    /// <summary>As it stands in the source.</summary>
    public string Call { get; }

    internal static Exception For(CuResult result, string call) => Wrap(new CudaException(result, FamilyOf(result), Driver.TextOf(result), call));

    internal static Exception For(NvrtcResult result, string call) => Wrap(new CudaException(result, FamilyOf(result), Nvrtc.TextOf(result), call));

    // cublasLtGetStatusString would be one more import, and repeats the name in other words.
    internal static Exception For(CublasStatus status, string call) => Wrap(new CudaException(status, FamilyOf(status), "cuBLASLt", call));

    /// <summary>Fatal is what the manual calls so ("the process must be terminated and relaunched"), hardware errors, and what says nothing of the device's state.</summary>
    internal static CudaErrorFamily FamilyOf(CuResult result) => result switch
    {
        CuResult.CUDA_ERROR_OUT_OF_MEMORY => CudaErrorFamily.OutOfMemory,
        CuResult.CUDA_ERROR_DEINITIALIZED
            or CuResult.CUDA_ERROR_ECC_UNCORRECTABLE
            or CuResult.CUDA_ERROR_NVLINK_UNCORRECTABLE
            or CuResult.CUDA_ERROR_CONTAINED
            or CuResult.CUDA_ERROR_ILLEGAL_ADDRESS
            or CuResult.CUDA_ERROR_LAUNCH_TIMEOUT
            or CuResult.CUDA_ERROR_CONTEXT_IS_DESTROYED
            or CuResult.CUDA_ERROR_ASSERT
            or CuResult.CUDA_ERROR_HARDWARE_STACK_ERROR
            or CuResult.CUDA_ERROR_ILLEGAL_INSTRUCTION
            or CuResult.CUDA_ERROR_MISALIGNED_ADDRESS
            or CuResult.CUDA_ERROR_INVALID_ADDRESS_SPACE
            or CuResult.CUDA_ERROR_INVALID_PC
            or CuResult.CUDA_ERROR_LAUNCH_FAILED
            or CuResult.CUDA_ERROR_TENSOR_MEMORY_LEAK
            or CuResult.CUDA_ERROR_MPS_RPC_FAILURE
            or CuResult.CUDA_ERROR_MPS_CLIENT_TERMINATED
            or CuResult.CUDA_ERROR_EXTERNAL_DEVICE
            or CuResult.CUDA_ERROR_UNKNOWN => CudaErrorFamily.Fatal,
        _ => CudaErrorFamily.BadCall,
    };

    // NVRTC never touches the device: its NVRTC_ERROR_OUT_OF_MEMORY is the host's, and no smaller batch helps.
    internal static CudaErrorFamily FamilyOf(NvrtcResult _) => CudaErrorFamily.BadCall;

    // Of the last two nobody says what became of the device.
    internal static CudaErrorFamily FamilyOf(CublasStatus status) => status switch
    {
        CublasStatus.CUBLAS_STATUS_ALLOC_FAILED => CudaErrorFamily.OutOfMemory,
        CublasStatus.CUBLAS_STATUS_EXECUTION_FAILED or CublasStatus.CUBLAS_STATUS_MAPPING_ERROR or CublasStatus.CUBLAS_STATUS_INTERNAL_ERROR => CudaErrorFamily.Fatal,
        _ => CudaErrorFamily.BadCall,
    };

    private static Exception Wrap(CudaException error) => error.Family switch
    {
        CudaErrorFamily.OutOfMemory => new DeviceMemoryException($"the CUDA device has no memory left: {error.Message}", error),
        CudaErrorFamily.Fatal => new DeviceLostException($"the CUDA device was lost: {error.Message}", error),
        _ => error,
    };
}
