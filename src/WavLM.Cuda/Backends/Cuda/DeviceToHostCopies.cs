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
    private readonly Slot[] _slots = [new(), new()];
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
        slot.Begin(x, destinations.ToArray(), pool, pinned, computing, copying);
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
    private sealed class Slot : IDisposable
    {
        private Tensor? _onDevice;
        private PinnedBuffer? _onHost;
        private CudaEvent? _filled;
        private CudaEvent? _arrived;
        private Action? _distribute;

        public void Begin<T>(Tensor x, T[][] destinations, DeviceMemoryPool pool, PinnedMemory pinned, CudaStream computing, CudaStream copying)
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
            _filled ??= new CudaEvent(computing.Device);
            _arrived ??= new CudaEvent(copying.Device);

            computing.Copy(x, _onDevice, bytes);
            _filled.Record(computing);
            copying.Wait(_filled);
            copying.CopyToHost(_onDevice, _onHost, bytes);
            _arrived.Record(copying);
            PinnedBuffer arrived = _onHost;
            _distribute = () =>
            {
                ReadOnlySpan<T> rest = arrived.Span<T>();
                foreach (T[] destination in destinations)
                {
                    rest[..destination.Length].CopyTo(destination);
                    rest = rest[destination.Length..];
                }
            };
        }

        public void Finish()
        {
            if (_distribute is not { } distribute) return;
            _distribute = null;
            _arrived!.Synchronize();
            distribute();
        }

        public void Dispose()
        {
            // A copy that nobody waits for any more must still have ended before its memory serves another.
            if (_distribute is not null) _ = Driver.cuEventSynchronize(_arrived!.Handle);
            _distribute = null;
            _onDevice?.Dispose();
            _onHost?.Dispose();
            _filled?.Dispose();
            _arrived?.Dispose();
        }
    }
}
