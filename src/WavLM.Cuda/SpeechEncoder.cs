using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda;

/// <summary>
/// A loaded speech encoder: 16 kHz waveforms in, hidden states out. An utterance's features are the same bits whatever it is
/// batched with. Safe to call from several threads; calls run one after another on the encoder's own thread.
/// </summary>
public sealed class SpeechEncoder : IFeatureEncoder, IDisposable
{
    private readonly EncoderThread _thread;
    private readonly IBackend _backend;
    private readonly EncoderWeights _weights;
    private readonly EncoderForward _forward;
    private readonly WaveformNormalization _normalization;
    private int _disposed;

    private SpeechEncoder(EncoderThread thread, IBackend backend, EncoderWeights weights, EncoderConfig config, FeatureConvention convention, Precision precision)
    {
        (_thread, _backend, _weights, Config, Convention, Precision) = (thread, backend, weights, config, convention, precision);
        _forward = new EncoderForward(config, weights, backend);
        _normalization = new WaveformNormalization(convention.Normalize, convention.Epsilon, Center: config.FrontEndNorm == FrontEndNorm.Group);
    }

    /// <inheritdoc />
    public EncoderConfig Config { get; }

    /// <summary>How a waveform becomes layer k.</summary>
    public FeatureConvention Convention { get; }

    /// <summary>Type of the matrix operands.</summary>
    public Precision Precision { get; }

    /// <summary>What the bits of the features depend on beside model and audio: device, instruction set, library versions.</summary>
    public string DeviceSet => _backend.DeviceSet;

    /// <summary>The memory behind the tensors, for checks and benchmarks.</summary>
    internal HostMemoryPool Memory => ((CpuBackend)_backend).Memory;

    /// <summary>Loads a checkpoint: a Hugging Face folder, a unilm .pt or a torchaudio .pth.</summary>
    /// <param name="path">The folder or file.</param>
    /// <param name="options">How it runs; the defaults where null.</param>
    /// <exception cref="CheckpointException">It is not a checkpoint this version reads; the message says what was found.</exception>
    /// <exception cref="PlatformNotSupportedException">The precision needs instructions that this CPU lacks.</exception>
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
    /// <exception cref="PlatformNotSupportedException">The precision needs instructions that this CPU lacks.</exception>
    public static SpeechEncoder Load(Checkpoint checkpoint, EncoderOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        options ??= new EncoderOptions();
        FeatureConvention convention = options.Convention ?? FeatureConvention.Resolve(Checkpoints.Convention.HuggingFace, checkpoint);
        var thread = new EncoderThread();
        try
        {
            return thread.Run(() =>
            {
                var backend = new CpuBackend(options.Precision, options.Threads);
                try
                {
                    EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, cancellationToken);
                    return new SpeechEncoder(thread, backend, weights, checkpoint.Config, convention, options.Precision);
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
    public Features Encode(ReadOnlyMemory<float> samples, LayerSelection? layers = null, CancellationToken cancellationToken = default)
        => Encode([new Waveform("utterance", samples)], layers ?? LayerSelection.Parse("last", Config), cancellationToken)[0];

    /// <inheritdoc />
    /// <exception cref="ArgumentException">An utterance is too short, or has a sample that is not finite; the message names it.</exception>
    public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(layers);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (layers.Layers.Any(layer => layer > Config.Layers))
            throw new ArgumentException($"found layer {layers.Layers.Max()}, expected 0..{Config.Layers}: the selection was made for another model", nameof(layers));
        return _thread.Run(() => EncodePacked(batch, layers.Layers, cancellationToken));
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

    private Features[] EncodePacked(IReadOnlyList<Waveform> waveforms, IReadOnlyList<int> layers, CancellationToken cancellationToken)
    {
        using PackedBatch batch = PackedBatch.Create(waveforms, Config, _normalization, _backend);
        using IHostCopies copies = _backend.CopyToHost();
        var values = new float[layers.Count][][];   // by layer, then utterance
        _forward.Run(batch, layers.Max(), Convention.FinalNorm, (layer, hiddenStates) =>
        {
            int place = IndexOf(layers, layer);
            if (place < 0) return;
            values[place] = ArraysOf(batch);
            copies.Add(hiddenStates, values[place]);
        }, cancellationToken);
        copies.Finish();
        return [.. Enumerable.Range(0, batch.Count).Select(i => new Features(batch[i].Id, Config.Width, layers, [.. values.Select(ofLayer => ofLayer[i])]))];
    }

    private float[][] ArraysOf(PackedBatch batch)
    {
        var arrays = new float[batch.Count][];
        for (int i = 0; i < arrays.Length; i++) arrays[i] = GC.AllocateUninitializedArray<float>(checked((int)(batch[i].Frames * Config.Width)));
        return arrays;
    }

    private static int IndexOf(IReadOnlyList<int> layers, int layer)
    {
        for (int i = 0; i < layers.Count; i++)
        {
            if (layers[i] == layer) return i;
        }
        return -1;
    }
}
