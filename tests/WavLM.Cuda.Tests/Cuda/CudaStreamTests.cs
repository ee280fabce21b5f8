using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed class CudaStreamTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    public void An_event_orders_two_streams(int schedule)
    {
        using DeviceSession session = new(before: () => EmulatedDevice.SetSchedule(schedule));
        using CudaStream other = new(session.Device);
        using CudaEvent filled = new(session.Device);
        using Tensor from = session.Upload([1], columns: 1), to = session.Upload([0], columns: 1);
        Driver.ThrowIfFailed(Driver.cuMemsetD32Async((nuint)from.Address, BitConverter.SingleToUInt32Bits(7), 1, session.Stream.Handle));
        filled.Record(session.Stream);
        other.Wait(filled);
        Driver.ThrowIfFailed(Driver.cuMemcpyDtoDAsync_v2((nuint)to.Address, (nuint)from.Address, sizeof(float), other.Handle));
        other.Synchronize();
        Assert.True(filled.HasPassed);
        Assert.Equal([7f], session.Download(to));
    }

    [Fact]
    public void An_event_has_not_passed_before_the_work_in_front_of_it()
    {
        using DeviceSession session = new();   // as late as is legal
        using Tensor tensor = session.Upload([1], columns: 1);
        using CudaEvent start = new(session.Device, timing: true), end = new(session.Device, timing: true);
        start.Record(session.Stream);
        Driver.ThrowIfFailed(Driver.cuMemsetD32Async((nuint)tensor.Address, 0, 1, session.Stream.Handle));
        end.Record(session.Stream);
        Assert.False(end.HasPassed);
        end.Synchronize();
        Assert.True(end.HasPassed);
        Assert.True(end.MillisecondsSince(start) >= 0);
    }

    [Fact]
    public void The_device_says_what_it_is()
    {
        using DeviceSession session = new(architecture: 90);
        Assert.Equal(90, session.Device.Architecture);
        Assert.Equal(227 * 1024, session.Device.SharedBytesOfBlock);
        Assert.Equal(64L << 30, session.Device.Facts.TotalBytes);
        Assert.True(session.Device.Facts.Multiprocessors > 0);
        Assert.NotEmpty(session.Device.Name);
        Assert.Equal(12080, CudaDevice.DriverVersion);
    }

    [Fact]
    public void A_device_that_is_not_there_is_an_error_that_says_how_many_are()
    {
        EmulatedDevice.Reset();
        var refused = Assert.Throws<PlatformNotSupportedException>(() => CudaDevice.Open(1));
        Assert.Equal("there is no CUDA device 1: the driver sees 1", refused.Message);
    }

    [Theory]
    [InlineData(75, true, "CUDA device 0 (Tesla T4) is sm_75, and the kernels need sm_80 or newer")]
    [InlineData(86, false, "CUDA device 0 (Tesla T4, sm_86) has no memory pools, which are needed here")]
    public void A_device_that_lacks_what_the_kernels_need_is_refused_before_anything_is_loaded(int architecture, bool hasMemoryPools, string message)
    {
        DeviceFacts facts = new(Ordinal: 0, "Tesla T4", architecture, Multiprocessors: 40, TotalBytes: 15L << 30, SecondCacheBytes: 4 << 20, hasMemoryPools);
        Assert.Equal(message, Assert.Throws<PlatformNotSupportedException>(facts.RequireUsable).Message);
    }
}
