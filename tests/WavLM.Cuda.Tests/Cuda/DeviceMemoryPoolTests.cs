using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed class DeviceMemoryPoolTests
{
    private const int Columns = 64;
    private const long RowBytes = Columns * sizeof(float);

    [Fact]
    public void Bytes_in_use_and_their_peak_are_counted()
    {
        using DeviceSession session = new();
        Tensor first = session.Memory.Rent(3, 256, Columns, ElementType.Float32), second = session.Memory.Rent(1, 1, Columns, ElementType.BFloat16);
        Assert.Equal(256 * RowBytes + RowBytes / 2, session.Memory.BytesInUse);
        Assert.Equal(session.Memory.BytesInUse, EmulatedDevice.Count("live_bytes"));
        first.Dispose();
        second.Dispose();
        second.Dispose();   // once more is nothing
        Assert.Equal(0, session.Memory.BytesInUse);
        Assert.Equal(256 * RowBytes + RowBytes / 2, session.Memory.PeakBytes);
        Assert.Equal(2, session.Memory.Allocations);
    }

    [Fact]
    public void What_is_over_the_budget_is_refused_without_asking_the_device()
    {
        using DeviceSession session = new(budget: 10 * RowBytes);
        using Tensor most = session.Memory.Rent(9, 9, Columns, ElementType.Float32);
        var refused = Assert.Throws<DeviceMemoryException>(() => session.Memory.Rent(2, 2, Columns, ElementType.Float32));
        Assert.Contains($"{2 * RowBytes:N0} bytes wanted, {9 * RowBytes:N0} in use, of a budget of {10 * RowBytes:N0}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, EmulatedDevice.Count("allocations"));
        using Tensor last = session.Memory.Rent(1, 1, Columns, ElementType.Float32);
    }

    [Fact]
    public void The_budget_is_what_is_free_less_a_reserve()
    {
        using DeviceSession session = new(before: static () => EmulatedDevice.SetMemory(8L << 30));
        Assert.InRange(session.Memory.Budget, 7L << 30, (8L << 30) - (256 << 20));
    }

    [Fact]
    public void A_device_without_memory_is_asked_once_more_after_a_trim()
    {
        using DeviceSession session = new();
        EmulatedDevice.Fail(EmulatedDevice.Fault.Allocation, CuResult.CUDA_ERROR_OUT_OF_MEMORY);
        using Tensor tensor = session.Memory.Rent(1, 1, Columns, ElementType.Float32);
        Assert.Equal(RowBytes, session.Memory.BytesInUse);
    }

    [Fact]
    public void A_device_that_has_no_memory_left_is_a_typed_error_and_the_pool_is_as_before()
    {
        using DeviceSession session = new();
        using Tensor before = session.Memory.Rent(1, 1, Columns, ElementType.Float32);
        EmulatedDevice.Fail(EmulatedDevice.Fault.Allocation, CuResult.CUDA_ERROR_OUT_OF_MEMORY, forEver: true);
        var refused = Assert.Throws<DeviceMemoryException>(() => session.Memory.Rent(2, 2, Columns, ElementType.Float32));
        Assert.Contains($"{2 * RowBytes:N0} bytes wanted, {RowBytes:N0} in use", refused.Message, StringComparison.Ordinal);
        Assert.Equal(RowBytes, session.Memory.BytesInUse);
        EmulatedDevice.ClearFaults();
        using Tensor after = session.Memory.Rent(2, 2, Columns, ElementType.Float32);
    }

    [Fact]
    public void More_than_the_device_has_is_a_typed_error()
    {
        using DeviceSession session = new(budget: long.MaxValue, before: static () => EmulatedDevice.SetMemory(64 << 20));
        Assert.Throws<DeviceMemoryException>(() => session.Memory.Rent(1 << 20, 1 << 20, Columns, ElementType.Float32));
    }

    [Fact]
    public void Trimming_and_disposing_leave_nothing_on_the_device()
    {
        using DeviceSession session = new();
        session.Memory.Rent(1, 100, Columns, ElementType.Float32).Dispose();
        session.Memory.Trim();
        Assert.Equal(0, EmulatedDevice.Count("live_bytes"));
        Tensor forgotten = session.Memory.Rent(1, 100, Columns, ElementType.Float32);
        session.Memory.Dispose();
        Assert.Equal(0, EmulatedDevice.Count("live_allocations"));
        forgotten.Dispose();   // its memory went with the pool
    }

    [Fact]
    public void Tensors_of_a_dead_context_are_disposed_in_silence()
    {
        using DeviceSession session = new();
        Tensor tensor = session.Memory.Rent(1, 1, Columns, ElementType.Float32);
        EmulatedDevice.Fail(EmulatedDevice.Fault.Copy, CuResult.CUDA_ERROR_ILLEGAL_ADDRESS, forEver: true);
        Assert.Throws<DeviceLostException>(() => session.Download(tensor));
        tensor.Dispose();
    }

    [Fact]
    public void Staging_memory_is_taken_once_and_reused()
    {
        using DeviceSession session = new();
        using PinnedMemory pinned = new(session.Device);
        PinnedBuffer first = pinned.Rent(100_000);
        first.Span<float>().Fill(1);
        nint address = first.Address;
        first.Dispose();
        using PinnedBuffer again = pinned.Rent(120_000), other = pinned.Rent(100);
        Assert.Equal(address, again.Address);
        Assert.Equal(2, pinned.Allocations);
        Assert.Throws<ObjectDisposedException>(() => first.Address);
    }
}
