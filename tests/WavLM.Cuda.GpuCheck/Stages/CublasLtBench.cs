using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>A device with cuBLASLt, seeded values on it, and a clock that runs on the device.</summary>
internal sealed class CublasLtBench : IDisposable
{
    private const int WorkspaceBytes = 64 << 20;

    private readonly CudaDevice _device;
    private readonly DeviceMemoryPool _memory;
    private readonly Tensor _workspace;
    private readonly CudaEvent _start, _end;

    public CublasLtBench()
    {
        _device = CudaDevice.Open(0);
        Stream = new CudaStream(_device);
        _memory = new DeviceMemoryPool(_device, Stream);
        _workspace = Rent(WorkspaceBytes);
        Library = CublasLtHandle.Create(_device.Context);
        (_start, _end) = (new CudaEvent(_device, timing: true), new CudaEvent(_device, timing: true));
    }

    public CudaStream Stream { get; }

    public CublasLtHandle Library { get; }

    public string Device => $"{_device.Name}, sm_{_device.Architecture}, cuBLASLt {Gemms.DottedVersion}";

    public Tensor Rent(long bytes)
    {
        const int Columns = 256;
        long rows = (bytes + Columns * sizeof(float) - 1) / (Columns * sizeof(float));
        return _memory.Rent(rows, rows, Columns, ElementType.Float32);
    }

    /// <summary>Uniform in +-1/8, in the operands' type. Past a million values they repeat.</summary>
    public Tensor Values(long count, CudaDataType type, int seed)
    {
        const int Period = 1 << 20;
        var random = new Random(seed);
        var values = new float[Math.Min(count, Period)];
        for (int i = 0; i < values.Length; i++) values[i] = (random.NextSingle() - 0.5f) / 4;
        byte[] bytes = type switch
        {
            CudaDataType.CUDA_R_32F => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
            CudaDataType.CUDA_R_16F => MemoryMarshal.AsBytes(HalfPrecision.Round(values, ElementType.Float16).AsSpan()).ToArray(),
            _ => MemoryMarshal.AsBytes(HalfPrecision.Round(values, ElementType.BFloat16).AsSpan()).ToArray(),
        };
        long wanted = count * bytes.Length / values.Length;
        Tensor tensor = Rent(wanted);
        Stream.CopyToDevice(bytes, tensor);
        for (long filled = bytes.Length; filled < wanted; filled += bytes.Length)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoDAsync_v2(
                (nuint)(tensor.Address + (nint)filled), (nuint)tensor.Address, (nuint)Math.Min(bytes.Length, wanted - filled), Stream.Handle));
        }
        return tensor;
    }

    public Product Describe(ProductTypes types, ProductShape shape, Tensor? bias = null) => new(Library, types, shape, (nuint)(bias?.Address ?? 0));

    public cublasLtMatmulHeuristicResult_t[] Offered(Product product, int most, out CublasStatus status) => product.Offered(most, _workspace.Bytes, out status);

    public CublasStatus Run(Product product, Tensor x, Tensor w, Tensor y, in cublasLtMatmulAlgo_t algorithm, bool accumulate = false)
        => product.Run(Stream, (nuint)x.Address, (nuint)w.Address, (nuint)y.Address, algorithm, (nuint)_workspace.Address, _workspace.Bytes, accumulate);

    /// <summary>The beginning of a tensor.</summary>
    public byte[] Read(Tensor tensor, long bytes)
    {
        var values = new byte[bytes];
        Stream.CopyToHost(tensor, values);
        return values;
    }

    /// <summary>Milliseconds that one run takes on the device: the median of several, after some that don't count.</summary>
    public double Milliseconds(Action run, int runs = 15)
    {
        const int WarmUp = 3;
        var times = new List<float>();
        for (int i = 0; i < WarmUp + runs; i++)
        {
            _start.Record(Stream);
            run();
            _end.Record(Stream);
            _end.Synchronize();
            if (i >= WarmUp) times.Add(_end.MillisecondsSince(_start));
        }
        times.Sort();
        return times[times.Count / 2];
    }

    public void Dispose()
    {
        _start.Dispose();
        _end.Dispose();
        Library.Dispose();
        _memory.Dispose();
        Stream.Dispose();
        _device.Dispose();
    }
}
