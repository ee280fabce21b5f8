using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// Native blocks, kept for the next batch. A request takes the smallest idle block that fits and is not
/// more than twice too large, so a stream of similar batches settles on one set of blocks and allocates nothing further.
/// Used from the encoder's thread alone.
/// </summary>
internal sealed unsafe class HostMemoryPool : ITensorPool, IDisposable
{
    private const nint Granularity = 64 * 1024;   // sizes are rounded up, so lengths that differ by a few rows share blocks

    private readonly SortedDictionary<nint, Stack<nint>> _idle = [];
    private readonly HashSet<nint> _blocks = [];
    private nint _peakInUse;
    private bool _disposed;

    /// <summary>Bytes that tensors hold now.</summary>
    public nint BytesInUse { get; private set; }

    /// <summary>Bytes that wait for the next request.</summary>
    public nint BytesIdle { get; private set; }

    /// <summary>The most bytes, idle ones included, that were ever held at once.</summary>
    public nint PeakBytes { get; private set; }

    /// <summary>Blocks taken from the system since the start: constant once the pool is warm.</summary>
    public long Allocations { get; private set; }

    /// <exception cref="DeviceMemoryException">The system has no such block left.</exception>
    public Tensor Rent(long rows, long capacityRows, int columns, ElementType type)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint wanted = checked((nint)capacityRows * columns * type.Bytes());
        nint bytes = Math.Max(Granularity, (wanted + Granularity - 1) / Granularity * Granularity);
        nint address = TakeIdle(ref bytes);
        if (address == 0)
        {
            // Blocks of the wrong size would otherwise pile up under batches of changing shape.
            if (BytesInUse + BytesIdle + bytes > 2 * _peakInUse) Trim();
            address = Allocate(bytes);
        }
        BytesInUse += bytes;
        _peakInUse = Math.Max(_peakInUse, BytesInUse);
        return new Tensor(this, address, bytes, rows, columns, type);
    }

    public void Return(nint address, nint bytes)
    {
        if (_disposed) return;   // the block went with the pool
        BytesInUse -= bytes;
        if (!_idle.TryGetValue(bytes, out Stack<nint>? blocks)) _idle.Add(bytes, blocks = new Stack<nint>());
        blocks.Push(address);
        BytesIdle += bytes;
    }

    /// <summary>Zeros, where a tensor's values are not all written.</summary>
    public static void Clear(Tensor tensor) => NativeMemory.Clear((void*)tensor.Address, (nuint)tensor.Bytes);

    /// <summary>Gives every idle block back to the system.</summary>
    public void Trim()
    {
        foreach (Stack<nint> blocks in _idle.Values)
        {
            while (blocks.TryPop(out nint address)) Free(address);
        }
        _idle.Clear();
        BytesIdle = 0;
    }

    /// <summary>Gives every block back, those of tensors that were not disposed too: a load that failed half-way leaves some.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (nint address in _blocks) HostMemory.Free(address);
        _blocks.Clear();
        _idle.Clear();
    }

    private nint TakeIdle(ref nint bytes)
    {
        foreach ((nint size, Stack<nint> blocks) in _idle)
        {
            if (size < bytes) continue;
            if (size > 2 * bytes) break;
            bytes = size;
            BytesIdle -= size;
            nint address = blocks.Pop();
            if (blocks.Count == 0) _idle.Remove(size);
            return address;
        }
        return 0;
    }

    private nint Allocate(nint bytes)
    {
        nint address = HostMemory.Allocate(bytes);
        _blocks.Add(address);
        Allocations++;
        PeakBytes = Math.Max(PeakBytes, BytesInUse + BytesIdle + bytes);
        return address;
    }

    private void Free(nint address)
    {
        _blocks.Remove(address);
        HostMemory.Free(address);
    }
}
