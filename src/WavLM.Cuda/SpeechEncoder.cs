using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;
using WavLM.Cuda.Native;

namespace WavLM.Cuda;

/// <summary>
/// A loaded speech encoder: 16 kHz waveforms in, hidden states out. An utterance's features are the same bits whatever it is
/// batched with. Safe to call from several threads; calls run one after another on the encoder's own thread.
/// </summary>
/// <remarks>
/// Where a model's values leave the range of the operands, in <see cref="Precision.Float16"/> beyond 65,504, that utterance's features hold
/// infinities and NaN from that layer on, and nobody else's do. Nothing is thrown, so that the rest of the batch is not lost:
/// <see cref="Features.NonFiniteLayer"/> tells, pooled or not; a weighted sum holds the NaN, and a frame's unit is -1. `wavlm extract` makes
/// an error of it. bfloat16 and float32 have the range.
/// </remarks>
public sealed class SpeechEncoder : IFeatureEncoder, IDisposable
{
    private readonly EncoderThread _thread;
    private readonly IBackend _backend;
    private readonly EncoderWeights _weights;
    private readonly FeaturePass _pass;
    private readonly WaveformNormalization _normalization;
    private int _disposed;

    private SpeechEncoder(EncoderThread thread, IBackend backend, EncoderWeights weights, EncoderConfig config, FeatureConvention convention, Precision precision, Device device)
    {
        (_thread, _backend, _weights, Config, Convention, Precision, Device) = (thread, backend, weights, config, convention, precision, device);
        _pass = new FeaturePass(new EncoderForward(config, weights, backend), config, convention.FinalNorm, backend);
        _normalization = new WaveformNormalization(convention.Normalize, convention.Epsilon, Center: config.FrontEndNorm == FrontEndNorm.Group);
    }

    /// <inheritdoc />
    public EncoderConfig Config { get; }

    /// <summary>How a waveform becomes layer k.</summary>
    public FeatureConvention Convention { get; }

    /// <summary>Type of the matrix operands: what <see cref="EncoderOptions.Precision"/> came to.</summary>
    public Precision Precision { get; }

    /// <summary>Where it computes: what <see cref="EncoderOptions.Device"/> came to.</summary>
    public Device Device { get; }

    /// <summary>What the bits of the features depend on beside model and audio: device, instruction set, library versions.</summary>
    public string DeviceSet => _backend.DeviceSet;

    /// <summary>What computes, for checks and benchmarks.</summary>
    internal IBackend Backend => _backend;

    /// <summary>Loads a checkpoint: a Hugging Face folder, a unilm .pt or a torchaudio .pth.</summary>
    /// <param name="path">The folder or file.</param>
    /// <param name="options">How it runs; the defaults where null.</param>
    /// <exception cref="CheckpointException">It is not a checkpoint this version reads; the message says what was found.</exception>
    /// <exception cref="NativeLibraryException">The device needs a library that is missing.</exception>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it can't compute in this precision; the message names those that it can.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the weights.</exception>
    /// <exception cref="DeviceException">The device or one of its libraries refused a call.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public static SpeechEncoder Load(string path, EncoderOptions? options = null)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        return Load(checkpoint, options);
    }

    /// <summary>Loads an open checkpoint, which may be closed afterwards.</summary>
    /// <param name="checkpoint">Names, shapes and values.</param>
    /// <param name="options">How it runs; the defaults where null.</param>
    /// <param name="cancellationToken">Seen between layers.</param>
    /// <exception cref="CheckpointException">A tensor cannot be read.</exception>
    /// <exception cref="NativeLibraryException">The device needs a library that is missing.</exception>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it can't compute in this precision; the message names those that it can.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the weights.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public static SpeechEncoder Load(Checkpoint checkpoint, EncoderOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        options ??= new EncoderOptions();
        FeatureConvention convention = options.Convention ?? FeatureConvention.Resolve(Checkpoints.Convention.HuggingFace, checkpoint);
        Device device = options.Device.Resolve(out string? whyNotCuda);
        Precision precision = Precisions.On(device, options.Precision, whyNotCuda);
        device.RequireUsable();
        var thread = new EncoderThread();
        try
        {
            return thread.Run(() =>
            {
                IBackend backend = device.IsCuda ? CudaBackend.Open(device.Ordinal, precision, options.Warn ?? (static _ => { }), options.ReferenceRows ?? Gemm.ReferenceRows) : new CpuBackend(precision, options.Threads);
                try
                {
                    EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, cancellationToken);
                    return new SpeechEncoder(thread, backend, weights, checkpoint.Config, convention, precision, device);
                }
                catch
                {
                    backend.Dispose();
                    throw;
                }
            });
        }
        catch
        {
            thread.Dispose();
            throw;
        }
    }

    /// <summary>Features of one utterance.</summary>
    /// <param name="samples">16 kHz, mono; at least <see cref="EncoderConfig.ReceptiveField"/> of them.</param>
    /// <param name="layers">The layers wanted; the last one where null.</param>
    /// <param name="cancellationToken">Seen between layers and between tiles.</param>
    /// <exception cref="ArgumentException">Too short, or a sample that is not finite.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the batch; the encoder is as before, and a smaller one may fit.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public Features Encode(ReadOnlyMemory<float> samples, LayerSelection? layers = null, CancellationToken cancellationToken = default)
        => Encode([new Waveform("utterance", samples)], layers ?? LayerSelection.Parse("last", Config), cancellationToken)[0];

    /// <inheritdoc />
    /// <exception cref="ArgumentException">An utterance is too short, or has a sample that is not finite; the message names it.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the batch; the encoder is as before, and a smaller one may fit.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
        => Encode(batch, layers, Pooling.None, cancellationToken);

    /// <summary>Features of every utterance of one packed batch, pooled over its frames on the device.</summary>
    /// <param name="batch">16 kHz waveforms, none shorter than the model's receptive field.</param>
    /// <param name="layers">The layers wanted.</param>
    /// <param name="pooling">What is made of the frames; a pooled utterance has one frame, as wide as the pooling says.</param>
    /// <param name="cancellationToken">Seen between layers and between tiles.</param>
    /// <exception cref="ArgumentException">An utterance is too short, or has a sample that is not finite; the message names it.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the batch; the encoder is as before, and a smaller one may fit.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, Pooling pooling, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(layers);
        RequireLayer(layers.Layers.Max(), nameof(layers));
        float[][][] values = RunPacked(batch, packed => _pass.Layers(packed, layers.Layers, pooling, cancellationToken));
        int width = pooling == Pooling.None ? Config.Width : _pass.PooledWidth(pooling);
        return [.. batch.Select((waveform, i) => new Features(waveform.Id, width, layers.Layers, [.. values.Select(ofLayer => ofLayer[i])]))];
    }

    /// <summary>sum_k weights[k] hidden_states[k], summed on the device: only the sum is copied to the host.</summary>
    /// <param name="batch">16 kHz waveforms, none shorter than the model's receptive field.</param>
    /// <param name="layerWeights">N + 1 weights, used as they are; a trained sum's go through softmax first.</param>
    /// <param name="pooling">What is made of the sum's frames.</param>
    /// <param name="cancellationToken">Seen between layers and between tiles.</param>
    /// <returns>By utterance: [frames, width], or what the pooling leaves of it; not finite where a hidden state is not.</returns>
    /// <exception cref="ArgumentException">Not one weight a layer; or an utterance as in <see cref="Encode(IReadOnlyList{Waveform}, LayerSelection, CancellationToken)"/>.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the batch; the encoder is as before, and a smaller one may fit.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public float[][] EncodeWeightedSum(IReadOnlyList<Waveform> batch, ReadOnlyMemory<float> layerWeights, Pooling pooling = Pooling.None, CancellationToken cancellationToken = default)
    {
        if (layerWeights.Length != Config.Layers + 1)
            throw new ArgumentException($"found {layerWeights.Length} layer weights, expected {Config.Layers + 1}: one a hidden state, 0 to {Config.Layers}", nameof(layerWeights));
        return RunPacked(batch, packed => _pass.WeightedSum(packed, layerWeights, pooling, cancellationToken));
    }

    /// <summary>For each frame of a layer the centroid with the least squared distance: discrete units.</summary>
    /// <param name="batch">16 kHz waveforms, none shorter than the model's receptive field.</param>
    /// <param name="layer">The layer that the centroids were trained on.</param>
    /// <param name="centroids">[centroids, width].</param>
    /// <param name="cancellationToken">Seen between layers and between tiles.</param>
    /// <returns>By utterance: a row of <paramref name="centroids"/> a frame, of equally near ones the first; -1 where no distance is finite.</returns>
    /// <exception cref="ArgumentException">No whole centroid, no such layer; or an utterance as in <see cref="Encode(IReadOnlyList{Waveform}, LayerSelection, CancellationToken)"/>.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory for the batch; the encoder is as before, and a smaller one may fit.</exception>
    /// <exception cref="DeviceLostException">The device no longer answers.</exception>
    public int[][] EncodeUnits(IReadOnlyList<Waveform> batch, int layer, ReadOnlyMemory<float> centroids, CancellationToken cancellationToken = default)
    {
        RequireLayer(layer, nameof(layer));
        if (centroids.Length == 0 || centroids.Length % Config.Width != 0)
            throw new ArgumentException($"found {centroids.Length} values of centroids, expected a multiple of the model's width {Config.Width}", nameof(centroids));
        return RunPacked(batch, packed => _pass.NearestCentroids(packed, layer, centroids, cancellationToken));
    }

    /// <summary>Gives back the weights and ends the encoder's thread.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _thread.Run(() =>
        {
            _weights.Dispose();
            _backend.Dispose();
            return true;
        });
        _thread.Dispose();
    }

    /// <summary>Runs a body on the encoder's own thread, for checks and benchmarks.</summary>
    internal T Run<T>(Func<IBackend, EncoderWeights, WaveformNormalization, T> body) => _thread.Run(() => body(_backend, _weights, _normalization));

    private T RunPacked<T>(IReadOnlyList<Waveform> waveforms, Func<PackedBatch, T> pass)
    {
        ArgumentNullException.ThrowIfNull(waveforms);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _thread.Run(() =>
        {
            using PackedBatch batch = PackedBatch.Create(waveforms, Config, _normalization, _backend);
            return pass(batch);
        });
    }

    private void RequireLayer(int layer, string parameter)
    {
        if (layer < 0 || layer > Config.Layers)
            throw new ArgumentException($"found layer {layer}, expected 0..{Config.Layers}: the selection was made for another model", parameter);
    }
}
