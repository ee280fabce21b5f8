using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

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

    public Tensor Upload(float[] values, int columns, long capacityRows = 0)
    {
        long rows = values.Length / columns;
        Tensor tensor = Memory.Rent(rows, Math.Max(rows, capacityRows), columns, ElementType.Float32);
        fixed (float* from = values)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyHtoDAsync_v2((nuint)tensor.Address, from, (nuint)values.Length * sizeof(float), Stream.Handle));
            Stream.Synchronize();
        }
        return tensor;
    }

    public float[] Download(Tensor tensor)
    {
        float[] values = new float[tensor.Rows * tensor.Columns];
        fixed (float* to = values)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2(to, (nuint)tensor.Address, (nuint)values.Length * sizeof(float), Stream.Handle));
            Stream.Synchronize();
        }
        return values;
    }

    public void Dispose()
    {
        Memory.Dispose();
        Stream.Dispose();
        Device.Dispose();
        EmulatedDevice.Reset();
    }
}
