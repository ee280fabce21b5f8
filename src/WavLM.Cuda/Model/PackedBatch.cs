using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Model;

/// <summary>One utterance's place in a packed batch.</summary>
/// <param name="Id">Its name in errors and results.</param>
/// <param name="Samples">[samples, 1] float32 on the device, normalised as the convention says.</param>
/// <param name="FirstSlot">Where its slots begin at the level of frames.</param>
/// <param name="Slots">Slots: one a frame, and those between it and its successor.</param>
/// <param name="FirstFrame">Where its frames begin once compacted.</param>
/// <param name="Frames">Frames, at least one.</param>
internal readonly record struct PackedUtterance(string Id, Tensor Samples, long FirstSlot, long Slots, long FirstFrame, long Frames);

/// <summary>
/// Utterances end to end, without padding. From the first convolution's output on, an utterance of T frames has T + 1 slots
/// at the level of frames and (T + 1) times the remaining strides at the levels before it, so output row r of a convolution
/// reads input rows s r .. s r + k - 1 for all utterances at once. Rows that straddle two utterances are computed and never read.
/// Where a frame sees more than two slots (kernels longer than any published model has) there are more slots between.
/// </summary>
internal sealed class PackedBatch : IDisposable
{
    // A minute: before that other threads are hardly awake.
    private const int SamplesOfOneThread = 1 << 20;

    private readonly PackedUtterance[] _utterances;

    private PackedBatch(PackedUtterance[] utterances, int samplesPerFrame, IBackend backend)
    {
        _utterances = utterances;
        SamplesPerFrame = samplesPerFrame;
        PackedUtterance last = utterances[^1];
        Frames = last.FirstFrame + last.Frames;
        Slots = last.FirstSlot + last.Slots;
        Places = backend.Place(this);
    }

    public ReadOnlySpan<PackedUtterance> Utterances => _utterances;

    public int Count => _utterances.Length;

    /// <summary>Frames of all utterances.</summary>
    public long Frames { get; }

    /// <summary>Slots of all utterances: frames, and those between.</summary>
    public long Slots { get; }

    /// <summary>Samples between two frames, and between two slots.</summary>
    public int SamplesPerFrame { get; }

    /// <summary>What the backend keeps of the batch; see <see cref="IBackend.Place"/>.</summary>
    public IDisposable? Places { get; }

    public PackedUtterance this[int index] => _utterances[index];

    /// <param name="waveforms">16 kHz, mono, each at least one receptive field long.</param>
    /// <param name="config">Gives the frames of each.</param>
    /// <param name="normalization">How samples are prepared.</param>
    /// <param name="backend">Gets the samples.</param>
    /// <exception cref="ArgumentException">No utterance, or one too short for a frame, or with a sample that is not finite.</exception>
    public static PackedBatch Create(IReadOnlyList<Waveform> waveforms, EncoderConfig config, WaveformNormalization normalization, IBackend backend)
    {
        if (waveforms.Count == 0) throw new ArgumentException("a batch needs at least one utterance", nameof(waveforms));
        RequireFramesAndFiniteSamples(waveforms, config);
        var utterances = new PackedUtterance[waveforms.Count];
        long slot = 0, frame = 0;
        int between = config.SlotsOfFrame - 1;
        Tensor[] samples = backend.Upload(waveforms);
        PackedBatch? batch = null;
        try
        {
            for (int i = 0; i < utterances.Length; i++)
            {
                long frames = config.Frames(samples[i].Rows);
                utterances[i] = new PackedUtterance(waveforms[i].Id, samples[i], slot, frames + between, frame, frames);
                slot += frames + between;
                frame += frames;
            }
            batch = new PackedBatch(utterances, config.SamplesPerFrame, backend);
            if (!normalization.IsNone) backend.NormalizeWaveforms(batch, normalization);
            return batch;
        }
        catch
        {
            foreach (Tensor tensor in samples) tensor.Dispose();
            batch?.Places?.Dispose();
            throw;
        }
    }

    /// <summary>The first utterance that cannot be encoded is named. All samples are read, of a large batch by several threads.</summary>
    private static void RequireFramesAndFiniteSamples(IReadOnlyList<Waveform> waveforms, EncoderConfig config)
    {
        var finite = new bool[waveforms.Count];
        void Look(int i) => finite[i] = TensorPrimitives.IsFiniteAll(waveforms[i].Samples.Span);
        if (waveforms.Sum(static waveform => (long)waveform.Samples.Length) < SamplesOfOneThread)
            for (int i = 0; i < finite.Length; i++) Look(i);
        else
            Parallel.For(0, finite.Length, Look);

        for (int i = 0; i < finite.Length; i++)
        {
            Waveform waveform = waveforms[i];
            if (config.Frames(waveform.Samples.Length) == 0)
                throw new ArgumentException($"{waveform.Id}: {waveform.Samples.Length} samples, expected at least {config.ReceptiveField} ({config.ReceptiveField / 16.0:0.#} ms at 16 kHz); leave it out or join it to its neighbour", nameof(waveforms));
            if (!finite[i])
                throw new ArgumentException($"{waveform.Id}: a sample is NaN or infinite, expected finite samples; repair the recording", nameof(waveforms));
        }
    }

    /// <summary>The last utterance that begins at or before a slot.</summary>
    public int UtteranceAt(long slot)
    {
        int low = 0, high = _utterances.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_utterances[middle].FirstSlot <= slot) low = middle;
            else high = middle - 1;
        }
        return low;
    }

    public void Dispose()
    {
        foreach (PackedUtterance utterance in _utterances) utterance.Samples.Dispose();
        Places?.Dispose();
    }
}
