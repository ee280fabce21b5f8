using System.Runtime.CompilerServices;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>
/// Copies to the host on a stream of their own, beside the computing one. A tensor is first copied within the device, which is
/// two hundred times faster than the bus, so the next layer need not wait; of these copies there are two, and one is read
/// while the other is filled. From page-locked memory the values go to their arrays.
/// </summary>
internal sealed class DeviceToHostCopies(DeviceMemoryPool pool, PinnedMemory pinned, CudaStream computing, CudaStream copying) : IHostCopies
{
    private readonly Slot[] _slots = [new(computing, copying), new(computing, copying)];
    private int _next;

    /// <inheritdoc />
    public void Add<T>(Tensor x, ReadOnlySpan<T[]> destinations)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != x.Type.Bytes())
            throw new ArgumentException($"elements of {Unsafe.SizeOf<T>()} bytes for a tensor of {x.Type}", nameof(destinations));
        Slot slot = _slots[_next];
        _next = (_next + 1) % _slots.Length;
        slot.Finish();
        slot.Begin(x, destinations.ToArray(), pool, pinned);
    }

    /// <inheritdoc />
    public void Finish()
    {
        // The older one first.
        for (int i = 0; i < _slots.Length; i++) _slots[(_next + i) % _slots.Length].Finish();
    }

    public void Dispose()
    {
        foreach (Slot slot in _slots) slot.Dispose();
    }

    /// <summary>One copy on its way, and the memory for it, which the next one takes over.</summary>
    private sealed class Slot(CudaStream computing, CudaStream copying) : IDisposable
    {
        private readonly CudaEvent _filled = new(computing.Device);
        private readonly CudaEvent _arrived = new(copying.Device);
        private Tensor? _onDevice;
        private PinnedBuffer? _onHost;
        private Action? _distribute;
        private bool _underWay;

        public void Begin<T>(Tensor x, T[][] destinations, DeviceMemoryPool pool, PinnedMemory pinned)
            where T : unmanaged
        {
            long values = x.Rows * x.Columns;
            nint bytes = checked((nint)(values * Unsafe.SizeOf<T>()));
            if (_onDevice is null || _onDevice.Bytes < bytes)
            {
                _onDevice?.Dispose();
                _onDevice = null;
                _onDevice = pool.Rent(x.Rows, x.Rows, x.Columns, x.Type);
            }
            if (_onHost is null || _onHost.Bytes < bytes)
            {
                _onHost?.Dispose();
                _onHost = null;
                _onHost = pinned.Rent(bytes);
            }
            _underWay = true;
            computing.Copy(x, _onDevice, bytes);
            _filled.Record(computing);
            copying.Wait(_filled);
            copying.CopyToHost(_onDevice, _onHost, bytes);
            _arrived.Record(copying);
            PinnedBuffer arrived = _onHost;
            _distribute = () => PinnedPieces.Distribute(arrived, destinations);
        }

        public void Finish()
        {
            if (_distribute is not { } distribute) return;
            _distribute = null;
            _arrived.Synchronize();
            _underWay = false;
            distribute();
        }

        public void Dispose()
        {
            // A copy that nobody waits for any more must still have ended before its memory serves another. Where the device is
            // lost this fails, and there is nobody left to tell.
            if (_underWay) _ = Driver.cuStreamSynchronize(copying.Handle);
            _onDevice?.Dispose();
            _onHost?.Dispose();
            _filled.Dispose();
            _arrived.Dispose();
        }
    }
}
