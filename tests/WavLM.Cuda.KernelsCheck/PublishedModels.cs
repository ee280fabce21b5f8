using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>A shape that was published.</summary>
/// <param name="Name">As in the table.</param>
/// <param name="Config">Its sizes.</param>
internal sealed record PublishedModel(string Name, EncoderConfig Config)
{
    /// <summary>WavLM's own two.</summary>
    public static IReadOnlyList<PublishedModel> WavLM { get; } = [new("Base", EncoderSizes.Base), new("Large", EncoderSizes.Large)];

    /// <summary>Relatives whose checkpoints load as well: the widest ones, other head widths, and none of the relative bias and its gates.</summary>
    public static IReadOnlyList<PublishedModel> Relatives { get; } =
    [
        new("HuBERT Base", EncoderSizes.Base with { ModelType = "hubert", Buckets = 0 }),
        new("HuBERT Large", EncoderSizes.Large with { ModelType = "hubert", Buckets = 0 }),
        new("HuBERT X-Large", EncoderSizes.Large with { ModelType = "hubert", Width = 1280, Layers = 48, FeedForwardWidth = 5120, Buckets = 0 }),
        new("XLS-R 2B", EncoderSizes.Large with { ModelType = "wav2vec2", Width = 1920, Layers = 48, FeedForwardWidth = 7680, ConvBias = true, Buckets = 0 }),
    ];
}
