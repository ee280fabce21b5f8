using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>The emulated device from its beginning, opened on the test's thread: a stream, memory, and copies to and from it.</summary>
internal sealed unsafe class DeviceSession : IDisposable
{
    public DeviceSession(long? budget = null, int architecture = 80, Action? before = null)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetProfile(architecture);
        before?.Invoke();
        Device = CudaDevice.Open(0);
        Stream = new CudaStream(Device);
        Memory = new DeviceMemoryPool(Device, Stream, budget);
    }

    public CudaDevice Device { get; }

    public CudaStream Stream { get; }

    public DeviceMemoryPool Memory { get; }

    public Tensor Upload(float[] values, int columns, long capacityRows = 0, ElementType type = ElementType.Float32)
    {
        long rows = values.Length / columns;
        Tensor tensor = Memory.Rent(rows, Math.Max(rows, capacityRows), columns, type);
        ReadOnlySpan<byte> bytes = type == ElementType.Float32
            ? MemoryMarshal.AsBytes<float>(values)
            : MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, value => Rounding.ToBits(type, value)));
        fixed (byte* from = bytes)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyHtoDAsync_v2((nuint)tensor.Address, from, (nuint)bytes.Length, Stream.Handle));
            Stream.Synchronize();
        }
        return tensor;
    }

    public float[] Download(Tensor tensor)
    {
        byte[] bytes = new byte[tensor.Rows * tensor.Columns * tensor.Type.Bytes()];
        fixed (byte* to = bytes)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2(to, (nuint)tensor.Address, (nuint)bytes.Length, Stream.Handle));
            Stream.Synchronize();
        }
        return tensor.Type == ElementType.Float32
            ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), bits => Rounding.FromBits(tensor.Type, bits));
    }

    public void Dispose()
    {
        Memory.Dispose();
        Stream.Dispose();
        Device.Dispose();
        EmulatedDevice.Reset();
    }
}
