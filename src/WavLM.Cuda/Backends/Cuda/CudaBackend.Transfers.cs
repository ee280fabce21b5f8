using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    /// <inheritdoc />
    public Tensor Upload(ReadOnlySpan<float> samples) => Keep(samples, samples.Length, 1);

    /// <inheritdoc />
    public IDisposable Place(PackedBatch batch)
    {
        _device.ReleasePending();   // what others let go of since the last batch
        return DeviceBatch.Upload(batch, this);
    }

    /// <inheritdoc />
    public IHostCopies CopyToHost() => new DeviceToHostCopies(_memory, _pinned, _stream, _copying);
}
