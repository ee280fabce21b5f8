using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Mutants;

/// <summary>What trials run on: the product with these kernels, mutated or not. None of them is ever kept in a user's cache.</summary>
internal sealed class Subject(KernelSources sources) : IDisposable
{
    private readonly Lazy<CheckedDevice> _device = new(() => new CheckedCuda(sources));

    public CheckedDevice Device => _device.Value;

    /// <summary>A backend of its own, for the calling thread.</summary>
    public CudaBackend Backend(Precision precision = Precision.Float32) => new(ordinal: 0, KernelCache.None, precision.OperandType(), sources: sources);

    public void Dispose()
    {
        if (_device.IsValueCreated) _device.Value.Dispose();
    }
}
