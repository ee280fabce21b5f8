using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Tensors out of one pool of the driver, which never gives memory back by itself. Each is one allocation of just its rows, that
/// are whole row tiles: the row tile is the size class, so utterances of similar length ask for equal sizes, and the driver
/// reuses the blocks. Memory is taken and given back in the order of the stream: nothing waits for the device.
/// Used from the device's thread alone.
/// </summary>
internal sealed unsafe class DeviceMemoryPool : ITensorPool, IDisposable
{
    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly MemPoolHandle _pool;
    private readonly HashSet<nint> _live = [];
    private bool _disposed;

    /// <param name="device">Whose memory.</param>
    /// <param name="stream">The order in which memory is used and given back.</param>
    /// <param name="budget">The most bytes that tensors may hold; null for what is free now less a reserve.</param>
    public DeviceMemoryPool(CudaDevice device, CudaStream stream, long? budget = null)
    {
        _device = device;
        _stream = stream;
        Budget = budget ?? DefaultBudget();
        _pool = MemPoolHandle.Create(
            new CUmemPoolProps
            {
                allocType = CuMemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED,
                location = new CUmemLocation { type = CuMemLocationType.CU_MEM_LOCATION_TYPE_DEVICE, id = device.Ordinal },
            },
            device.Context);
        ulong never = ulong.MaxValue;   // by default the pool empties itself at every synchronisation
        try
        {
            Driver.ThrowIfFailed(Driver.cuMemPoolSetAttribute(_pool, CuMemPoolAttribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &never));
        }
        catch
        {
            _pool.Dispose();
            throw;
        }
    }

    /// <summary>The most bytes that tensors may hold.</summary>
    public long Budget { get; }

    /// <summary>Bytes that tensors hold now.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>The most bytes that tensors ever held at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Tensors handed out since the start.</summary>
    public long Allocations { get; private set; }

    /// <exception cref="DeviceMemoryException">Over the budget, or the device has no such block left.</exception>
    public Tensor Rent(long rows, long capacityRows, int columns, ElementType type)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        nint bytes = Math.Max(1, checked((nint)(capacityRows * columns * type.Bytes())));
        if (bytes > Budget - BytesInUse) throw OutOfMemory(bytes);
        nint address = Allocate(bytes);
        _live.Add(address);
        BytesInUse += bytes;
        PeakBytes = Math.Max(PeakBytes, BytesInUse);
        Allocations++;
        return new Tensor(this, address, bytes, rows, columns, type);
    }

    /// <summary>Gives memory back behind all that is queued.</summary>
    public void Return(nint address, nint bytes)
    {
        if (_disposed || !_live.Remove(address)) return;   // it went with the pool
        BytesInUse -= bytes;
        // Where the context is dead this fails, and so does everything else: a disposal is not the place to say so.
        _ = Driver.cuMemFreeAsync((nuint)address, _stream.Handle);
    }

    /// <summary>Gives what no tensor holds back to the device. Waits for the stream: memory given back in its order is not free before.</summary>
    public void Trim()
    {
        _stream.Synchronize();
        Driver.ThrowIfFailed(Driver.cuMemPoolTrimTo(_pool, 0));
    }

    /// <summary>Gives everything back, the memory of tensors that were not disposed too: a load that failed half-way leaves some.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (nint address in _live) _ = Driver.cuMemFreeAsync((nuint)address, _stream.Handle);
        _live.Clear();
        _ = Driver.cuStreamSynchronize(_stream.Handle);
        _pool.Dispose();
    }

    private static long DefaultBudget()
    {
        // Modules, the context's own growth and other processes need something too.
        const long Reserve = 512L << 20;
        long free = CudaDevice.FreeBytes;
        return free - Math.Min(Reserve, free / 8);
    }

    private nint Allocate(nint bytes)
    {
        CuResult result = Driver.cuMemAllocFromPoolAsync(out nuint address, (nuint)bytes, _pool, _stream.Handle);
        if (result == CuResult.CUDA_ERROR_OUT_OF_MEMORY)
        {
            // Blocks that wait for reuse may be in the way, each too small.
            Trim();
            result = Driver.cuMemAllocFromPoolAsync(out address, (nuint)bytes, _pool, _stream.Handle);
            if (result == CuResult.CUDA_ERROR_OUT_OF_MEMORY) throw OutOfMemory(bytes);
        }
        if (result != CuResult.CUDA_SUCCESS) throw CudaException.For(result, $"cuMemAllocFromPoolAsync of {bytes:N0} bytes");
        return (nint)address;
    }

    private DeviceMemoryException OutOfMemory(nint wanted) => new(
        $"{_device.Name} has no memory left: {wanted:N0} bytes wanted, {BytesInUse:N0} in use, of a budget of {Budget:N0}");
}
