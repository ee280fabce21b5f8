using System.Numerics;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Host memory that the device copies from and to without a detour, kept for the next copy: taking it from the system costs more
/// than most copies. Used from the device's thread alone.
/// </summary>
internal sealed class PinnedMemory(CudaDevice device) : IDisposable
{
    private const nint Least = 64 * 1024;

    private readonly Dictionary<nint, Stack<PinnedMemoryHandle>> _idle = [];
    private readonly List<PinnedMemoryHandle> _blocks = [];

    /// <summary>Blocks taken from the system since the start: constant once warm.</summary>
    public int Allocations => _blocks.Count;

    /// <summary>A buffer of at least so many bytes. It goes back when it is disposed: not before the copies that use it have run.</summary>
    /// <exception cref="DeviceMemoryException">No more memory can be locked.</exception>
    public PinnedBuffer Rent(nint bytes)
    {
        // Powers of two, so that lengths that differ share blocks.
        nint capacity = (nint)BitOperations.RoundUpToPowerOf2((nuint)Math.Max(Least, bytes));
        PinnedMemoryHandle block = _idle.TryGetValue(capacity, out Stack<PinnedMemoryHandle>? blocks) && blocks.TryPop(out PinnedMemoryHandle? idle) ? idle : Allocate(capacity);
        return new PinnedBuffer(this, block, bytes, capacity);
    }

    public void Dispose()
    {
        foreach (PinnedMemoryHandle block in _blocks) block.Dispose();
    }

    internal void Return(PinnedMemoryHandle block, nint capacity)
    {
        if (!_idle.TryGetValue(capacity, out Stack<PinnedMemoryHandle>? blocks)) _idle.Add(capacity, blocks = new Stack<PinnedMemoryHandle>());
        blocks.Push(block);
    }

    private PinnedMemoryHandle Create(nint bytes)
    {
        try
        {
            return PinnedMemoryHandle.Create((nuint)bytes, CuMemHostAllocFlags.None, device.Context);
        }
        catch (DeviceMemoryException e)
        {
            // It is the device's driver that says so, but the host's memory that is short.
            throw new DeviceMemoryException($"the host has no memory left that can be page-locked: {bytes:N0} bytes wanted for copies from the device", e);
        }
    }

    private PinnedMemoryHandle Allocate(nint bytes)
    {
        PinnedMemoryHandle block = Create(bytes);
        _blocks.Add(block);
        return block;
    }
}

/// <summary>A buffer of <see cref="PinnedMemory"/>.</summary>
internal sealed class PinnedBuffer(PinnedMemory memory, PinnedMemoryHandle block, nint bytes, nint capacity) : IDisposable
{
    private PinnedMemory? _memory = memory;

    /// <exception cref="ObjectDisposedException">It was given back.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_memory is null, this);
            return block.DangerousGetHandle();
        }
    }

    public nint Bytes { get; } = bytes;

    /// <summary>Its memory as values.</summary>
    public unsafe Span<T> Span<T>()
        where T : unmanaged
        => new((void*)Address, checked((int)(Bytes / sizeof(T))));

    public void Dispose()
    {
        PinnedMemory? owner = _memory;
        _memory = null;
        owner?.Return(block, capacity);
    }
}
