using WavLM.Cuda.Audio;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Extraction;

/// <summary>What a run will do, from the headers of its inputs alone: nothing is decoded yet.</summary>
public sealed class ExtractionPlan
{
    private ExtractionPlan(IReadOnlyList<PlannedFile> files, ChannelSelection channel, LayerSelection layers)
    {
        Files = files;
        Channel = channel;
        Layers = layers;
    }

    /// <summary>Which channels become utterances.</summary>
    public ChannelSelection Channel { get; }

    /// <summary>The layers that will be written.</summary>
    public LayerSelection Layers { get; }

    /// <summary>Rows that the manifest will have.</summary>
    public int Rows => Files.Sum(file => file.Rows);

    /// <summary>Duration of all utterances, by the headers.</summary>
    public double Seconds { get; private init; }

    /// <summary>Bytes that the feature files will take, by the headers.</summary>
    public long OutputBytes { get; private init; }

    internal IReadOnlyList<PlannedFile> Files { get; }

    /// <summary>Reads the header of each input.</summary>
    /// <param name="inputs">From <see cref="AudioInputs.Find"/>.</param>
    /// <param name="channel">Which channels become utterances.</param>
    /// <param name="config">The model.</param>
    /// <param name="layers">The layers to write.</param>
    /// <param name="cancellationToken">Looked at between files.</param>
    public static ExtractionPlan Make(IReadOnlyList<AudioInput> inputs, ChannelSelection channel, EncoderConfig config, LayerSelection layers, CancellationToken cancellationToken)
    {
        List<PlannedFile> files = new(inputs.Count);
        double seconds = 0, bytes = 0;
        foreach (AudioInput input in inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            PlannedFile file = ReadHeader(input, channel);
            files.Add(file);
            if (file.Error is not null) continue;
            seconds += file.Rows * (double)file.Samples / Resampler.TargetRate;
            bytes += file.Rows * NpyFile.Bytes(layers.Layers.Count, config.Frames(file.Samples), config.Width);
        }
        return new(files, channel, layers) { Seconds = seconds, OutputBytes = (long)Math.Min(bytes, long.MaxValue / 2) };
    }

    private static PlannedFile ReadHeader(AudioInput input, ChannelSelection channel)
    {
        if (input.Error is not null) return new(input.Id, input.Source) { Error = input.Error };
        try
        {
            using AudioFile file = AudioFile.Open(input.Source);
            return new(input.Id, input.Source)
            {
                Samples = Resampler.OutputLength(file.Frames, file.SampleRate),
                Channels = file.Channels,
                Rows = channel.IsEach ? file.Channels : 1,
            };
        }
        catch (AudioException e)
        {
            return new(input.Id, input.Source) { Error = e.Problem };
        }
    }
}

/// <summary>One input, as far as its header tells.</summary>
/// <param name="Id">The file's id; that of an utterance unless each channel is one.</param>
/// <param name="Source">The file.</param>
internal sealed record PlannedFile(string Id, string Source)
{
    /// <summary>Why it can't be used; null if it can.</summary>
    public string? Error { get; init; }

    /// <summary>Samples at 16 kHz.</summary>
    public long Samples { get; init; }

    public int Channels { get; init; }

    /// <summary>Utterances in it, each a row of the manifest.</summary>
    public int Rows { get; init; } = 1;
}
