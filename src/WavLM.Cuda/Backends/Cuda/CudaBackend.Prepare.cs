using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    /// <inheritdoc />
    public void Prepare(EncoderConfig config)
    {
        // All at once, so that they are compiled side by side and while the weights are read. Sums, pools and centroids are
        // left out: most users never ask for them.
        foreach (KernelVariant variant in ModelKernels.Of(config, OperandType)) _kernels.Prepare(variant);
    }
}
