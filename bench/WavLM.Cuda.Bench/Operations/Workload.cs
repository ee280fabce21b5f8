using System.Globalization;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>A batch of equal utterances for a model.</summary>
/// <param name="Case">Model and load, as "large 64x15".</param>
/// <param name="Config">The model's sizes.</param>
/// <param name="Utterances">How many.</param>
/// <param name="Samples">Of each.</param>
internal sealed record Workload(string Case, EncoderConfig Config, int Utterances, int Samples)
{
    private const int SampleRate = 16_000;

    /// <summary>The published models.</summary>
    public static IReadOnlyList<(string Name, EncoderConfig Config)> Models { get; } = [("base", EncoderSizes.Base), ("large", EncoderSizes.Large)];

    /// <summary>
    /// The same, made so narrow that a device in software gets through it: a head of the usual width, a front end wide enough for
    /// operands in half precision, two of everything else.
    /// </summary>
    public static IReadOnlyList<(string Name, EncoderConfig Config)> TinyModels { get; } = [.. Models.Select(static model => ($"tiny {model.Name}", Narrowed(model.Config)))];

    /// <summary>Frames of an utterance.</summary>
    public int Frames => (int)Config.Frames(Samples);

    /// <summary>Frames of all.</summary>
    public long AllFrames => (long)Utterances * Frames;

    /// <summary>Slots of an utterance; see <see cref="PackedBatch"/>.</summary>
    public int Slots => Frames + Config.SlotsOfFrame - 1;

    public long AllSlots => (long)Utterances * Slots;

    public static Workload OfSeconds(string model, EncoderConfig config, int utterances, double seconds)
        => new(string.Create(CultureInfo.InvariantCulture, $"{model} {utterances}x{seconds:0.##}"), config, utterances, (int)(seconds * SampleRate));

    /// <summary>By frames, where another program's times are compared: it knows of no samples.</summary>
    public static Workload OfFrames(string model, EncoderConfig config, int utterances, int frames)
        => new($"{model} {frames} frames x {utterances}", config, utterances, config.ReceptiveField + config.SamplesPerFrame * (frames - 1));

    /// <summary>As many of the utterances as it takes to have so many slots.</summary>
    public Workload ThatFills(long slots) => this with { Utterances = (int)Math.Min(Utterances, (slots + Slots - 1) / Slots) };

    private static EncoderConfig Narrowed(EncoderConfig config) => config with
    {
        Width = 2 * config.HeadWidth,
        Layers = 1,
        Heads = 2,
        FeedForwardWidth = 4 * config.HeadWidth,
        ConvLayers = [.. config.ConvLayers.Select(static layer => layer with { Channels = 264 })],
        PositionalKernel = 16,
    };
}
