using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Tests.Abi;

public sealed class CudaExceptionTests
{
    // By number, as NVIDIA's manual lists them: deinitialised; uncorrectable memory, NVLink and contained errors; sticky errors of a
    // kernel; a context that is gone; a lost MPS server or client; an external device; unknown.
    private static readonly int[] Fatal = [4, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 806, 810, 911, 999];

    [Fact]
    public void Every_code_of_the_driver_has_its_family()
    {
        Assert.Empty(Fatal.Except(Enum.GetValues<CuResult>().Select(result => (int)result)));
        foreach (CuResult result in Enum.GetValues<CuResult>())
        {
            CudaErrorFamily expected = Fatal.Contains((int)result) ? CudaErrorFamily.Fatal : (int)result == 2 ? CudaErrorFamily.OutOfMemory : CudaErrorFamily.BadCall;
            Assert.Equal((result, expected), (result, CudaException.FamilyOf(result)));
        }
        Assert.Equal(CudaErrorFamily.BadCall, CudaException.FamilyOf((CuResult)54321));
    }

    [Fact]
    public void The_compiler_never_loses_the_device()
        => Assert.All(Enum.GetValues<NvrtcResult>(), result => Assert.Equal(CudaErrorFamily.BadCall, CudaException.FamilyOf(result)));

    [Theory]
    [InlineData(1, nameof(CudaErrorFamily.BadCall))]       // not initialised: no device
    [InlineData(3, nameof(CudaErrorFamily.OutOfMemory))]
    [InlineData(7, nameof(CudaErrorFamily.BadCall))]
    [InlineData(8, nameof(CudaErrorFamily.BadCall))]
    [InlineData(11, nameof(CudaErrorFamily.Fatal))]
    [InlineData(13, nameof(CudaErrorFamily.Fatal))]
    [InlineData(14, nameof(CudaErrorFamily.Fatal))]
    [InlineData(15, nameof(CudaErrorFamily.BadCall))]
    [InlineData(16, nameof(CudaErrorFamily.BadCall))]
    public void A_family_is_thrown_as_its_own_type_with_code_and_call_inside(int code, string expected)
    {
        CudaErrorFamily family = Enum.Parse<CudaErrorFamily>(expected);
        CublasStatus status = (CublasStatus)code;
        Exception thrown = Assert.ThrowsAny<Exception>(() => CublasLt.ThrowIfFailed(status));
        CudaException cause = Assert.IsType<CudaException>(family == CudaErrorFamily.BadCall ? thrown : thrown.InnerException);
        Assert.Equal(family, cause.Family);
        Assert.Equal(status, cause.Code);
        Assert.Equal("status", cause.Call);
        Assert.Contains($"{status} ({code})", thrown.Message);
        if (family == CudaErrorFamily.OutOfMemory) Assert.IsType<DeviceMemoryException>(thrown);
        if (family == CudaErrorFamily.Fatal) Assert.IsType<DeviceLostException>(thrown);
    }

    [Fact]
    public void Success_allocates_nothing()
    {
        CublasLt.ThrowIfFailed(CublasStatus.CUBLAS_STATUS_SUCCESS);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            CublasLt.ThrowIfFailed(CublasStatus.CUBLAS_STATUS_SUCCESS);
            Driver.ThrowIfFailed(CuResult.CUDA_SUCCESS);
            Nvrtc.ThrowIfFailed(NvrtcResult.NVRTC_SUCCESS);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
