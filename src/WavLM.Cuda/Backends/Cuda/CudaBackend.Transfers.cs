using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    // What the device may still be reading of the last upload.
    private PinnedBuffer? _uploading;

    /// <inheritdoc />
    public Tensor[] Upload(IReadOnlyList<Waveform> waveforms)
    {
        // The last one was for a batch that never got its place.
        if (_uploading is not null) _stream.Synchronize();
        FinishUpload();
        var tensors = new Tensor[waveforms.Count];
        try
        {
            _uploading = _pinned.Rent(checked((nint)(waveforms.Sum(static waveform => (long)waveform.Samples.Length) * sizeof(float))));
            PinnedPieces.Gather([.. waveforms.Select(static waveform => waveform.Samples)], _uploading);
            nint first = 0;
            for (int i = 0; i < tensors.Length; i++)
            {
                int samples = waveforms[i].Samples.Length;
                tensors[i] = _memory.Rent(samples, samples, 1, ElementType.Float32);
                _stream.CopyToDevice(_uploading, first, tensors[i]);
                first += samples * sizeof(float);
            }
            return tensors;
        }
        catch
        {
            foreach (Tensor? tensor in tensors) tensor?.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public IDisposable Place(PackedBatch batch)
    {
        _device.ReleasePending();   // what others let go of since the last batch
        DeviceBatch places = DeviceBatch.Upload(batch, this);
        FinishUpload();   // the tables were waited for, and the samples are before them
        return places;
    }

    private void FinishUpload()
    {
        _uploading?.Dispose();
        _uploading = null;
    }

    /// <inheritdoc />
    public IHostCopies CopyToHost() => new DeviceToHostCopies(_memory, _pinned, _stream, _copying);
}
