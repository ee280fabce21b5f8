using System.Collections.Immutable;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>Front ends to pack batches for; what lies behind the front end is not looked at.</summary>
internal static class Configs
{
    public static EncoderConfig OneSampleAFrame { get; } = WithConvLayers(new ConvLayer(1, 1, 1));

    /// <summary>The front end of every published model, at a width of our own.</summary>
    public static EncoderConfig Usual(int channels) => WithConvLayers(
        new(channels, 10, 5), new(channels, 3, 2), new(channels, 3, 2), new(channels, 3, 2), new(channels, 3, 2), new(channels, 2, 2), new(channels, 2, 2));

    public static EncoderConfig WithConvLayers(params ConvLayer[] layers) => new()
    {
        ModelType = "wavlm",
        Width = 1,
        Layers = 1,
        Heads = 1,
        FeedForwardWidth = 1,
        ConvLayers = [.. layers],
        ConvBias = false,
        FrontEndNorm = FrontEndNorm.Group,
        PreNorm = false,
        LayerNormEpsilon = 1e-5,
        PositionalKernel = 1,
        PositionalGroups = 1,
        Buckets = 0,
        MaxBucketDistance = 0,
    };

    /// <summary>The fewest samples that make so many frames.</summary>
    public static int SamplesFor(this EncoderConfig config, int frames) => config.ReceptiveField + config.SamplesPerFrame * (frames - 1);
}
