using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>A queue of the device. It does not wait for the default stream, which nothing here uses.</summary>
internal sealed class CudaStream(CudaDevice device) : IDisposable
{
    public CudaDevice Device { get; } = device;

    internal StreamHandle Handle { get; } = StreamHandle.Create(CuStreamFlags.CU_STREAM_NON_BLOCKING, device.Context);

    /// <summary>Waits on the host until all that is queued has run.</summary>
    public void Synchronize() => Driver.ThrowIfFailed(Driver.cuStreamSynchronize(Handle));

    /// <summary>What is queued from here on waits on the device for the event.</summary>
    public void Wait(CudaEvent recorded) => Driver.ThrowIfFailed(Driver.cuStreamWaitEvent(Handle, recorded.Handle, 0));

    /// <summary>Copies to a tensor's beginning and waits: of memory that is not page-locked the driver says only that it may have been read when the call ends.</summary>
    public unsafe void CopyToDevice(ReadOnlySpan<byte> values, Tensor tensor)
    {
        if (values.Length > tensor.Bytes) throw new ArgumentException($"{values.Length:N0} bytes for a tensor of {tensor.Bytes:N0}", nameof(values));
        if (values.IsEmpty) return;
        fixed (byte* source = values)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyHtoDAsync_v2((nuint)tensor.Address, source, (nuint)values.Length, Handle));
            Synchronize();
        }
    }

    /// <summary>Begins to fill a tensor from page-locked memory.</summary>
    /// <param name="from">Is read until the copy has run.</param>
    /// <param name="first">Its first byte.</param>
    /// <param name="tensor">Gets all of its rows.</param>
    public unsafe void CopyToDevice(PinnedBuffer from, nint first, Tensor tensor)
    {
        nint bytes = checked((nint)(tensor.Rows * tensor.Columns * tensor.Type.Bytes()));
        if (first < 0 || first + bytes > from.Bytes) throw new ArgumentOutOfRangeException(nameof(first), first, $"{bytes:N0} bytes from there are more than the buffer's {from.Bytes:N0}");
        if (bytes > 0) Driver.ThrowIfFailed(Driver.cuMemcpyHtoDAsync_v2((nuint)tensor.Address, (void*)(from.Address + first), (nuint)bytes, Handle));
    }

    /// <summary>Copies from one tensor to the beginning of another.</summary>
    public void Copy(Tensor source, Tensor destination, nint bytes)
        => Driver.ThrowIfFailed(Driver.cuMemcpyDtoDAsync_v2((nuint)destination.Address, (nuint)source.Address, (nuint)bytes, Handle));

    /// <summary>Begins to copy a tensor's beginning to page-locked memory.</summary>
    public unsafe void CopyToHost(Tensor tensor, PinnedBuffer destination, nint bytes)
        => Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2((void*)destination.Address, (nuint)tensor.Address, (nuint)bytes, Handle));

    /// <summary>Copies a tensor's beginning to the host, and waits for it.</summary>
    public unsafe void CopyToHost(Tensor tensor, Span<byte> destination)
    {
        if (destination.IsEmpty) return;
        fixed (byte* address = destination)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2(address, (nuint)tensor.Address, (nuint)destination.Length, Handle));
            Synchronize();
        }
    }

    /// <summary>Fills a tensor, to its very end, with one value of four bytes.</summary>
    public void Fill(Tensor tensor, uint value)
        => Driver.ThrowIfFailed(Driver.cuMemsetD32Async((nuint)tensor.Address, value, (nuint)(tensor.Bytes / sizeof(uint)), Handle));

    public void Dispose() => Handle.Dispose();
}
