using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>A CUDA device.</summary>
internal sealed class CudaBenchDevice(CudaBackend backend) : BenchDevice(backend)
{
    // All bits set are a NaN in every type.
    private const uint NotANumber = 0xFFFF_FFFF;

    private readonly CudaStream _stream = backend.Stream;

    public override string Name => _stream.Device.Name;

    public override bool Emulated { get; } = CudaLibraries.Locate().Any(location => location.Emulated);

    /// <summary>Beyond the second cache, twice over: a pass of many utterances leaves nothing there.</summary>
    public override long RotatedBytes => 2 * _stream.Device.Facts.SecondCacheBytes;

    /// <summary>Of what was free: other backends and the workspaces want some too.</summary>
    public override long MemoryBudget => backend.Memory.Budget / 4 * 3;

    /// <summary>Events tell half a microsecond.</summary>
    public override double SecondsOfSample => 1e-3;

    public override void Poison(Tensor tensor)
    {
        // The emulated device's fresh memory is poison already, and known to be unwritten.
        if (!Emulated) _stream.Fill(tensor, NotANumber);
    }

    public override void Write(ReadOnlySpan<byte> from, Tensor tensor) => _stream.CopyToDevice(from, tensor);

    public override void Read(Tensor tensor, Span<byte> to) => _stream.CopyToHost(tensor, to);

    public override void Copy(Tensor source, Tensor destination, long bytes) => _stream.Copy(source, destination, (nint)bytes);

    public override IRecord? Record(Action operations) => new Graph(CudaGraph.Capture(_stream, operations), _stream);

    public override void Trim() => backend.Memory.Trim();

    private sealed class Graph(CudaGraph graph, CudaStream stream) : IRecord
    {
        public void Launch() => graph.Launch(stream);

        public void Dispose()
        {
            stream.Synchronize();   // it may still be under way
            graph.Dispose();
        }
    }
}
