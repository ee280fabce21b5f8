using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// Sizes an encoder can have. The upper limits are some ten times what was ever published: they keep a damaged config from
/// asking for memory, and every product of two sizes within 64 bits.
/// </summary>
internal static class ConfigLimits
{
    /// <exception cref="CheckpointException">Sizes that cannot work; one error names them all.</exception>
    public static void Check(EncoderConfig config, string path)
    {
        var problems = new List<string>();
        Within("layers", config.Layers, 1, 512);
        Within("width", config.Width, 1, 1 << 15);
        Within("heads", config.Heads, 1, 1 << 10);
        Within("feed-forward width", config.FeedForwardWidth, 1, 1 << 18);
        Within("positional kernel", config.PositionalKernel, 1, 1 << 12);
        Within("positional groups", config.PositionalGroups, 1, 1 << 15);
        Within("convolutions", config.ConvLayers.Length, 1, 32);
        for (int i = 0; i < config.ConvLayers.Length; i++)
        {
            Within($"channels of convolution {i}", config.ConvLayers[i].Channels, 1, 1 << 14);
            Within($"kernel of convolution {i}", config.ConvLayers[i].Kernel, 1, 1 << 12);
            Within($"stride of convolution {i}", config.ConvLayers[i].Stride, 1, 1 << 12);
        }
        // A quarter of the buckets are exact distances, so four is the least; the rest grow up to the greatest distance.
        Within("buckets", config.Buckets, 4, 1 << 16);
        Within("greatest bucket distance", config.MaxBucketDistance, config.Buckets / 4 + 1, 1 << 24);
        if (!(config.LayerNormEpsilon > 0 && config.LayerNormEpsilon < 1)) problems.Add($"layer norm epsilon {config.LayerNormEpsilon} (between 0 and 1)");
        if (problems.Count == 0)
        {
            if (config.Width % config.Heads != 0) problems.Add($"width {config.Width} and {config.Heads} heads (heads divide the width)");
            if (config.Width % config.PositionalGroups != 0) problems.Add($"width {config.Width} and {config.PositionalGroups} positional groups (groups divide the width)");
            if (SamplesOfOneFrame(config) > 1 << 20) problems.Add($"a front end that sees {SamplesOfOneFrame(config):N0} samples a frame (up to {1 << 20:N0})");
        }
        if (problems.Count > 0)
            throw new CheckpointException(path, string.Join(", ", problems), "sizes that an encoder can have", "correct the config");

        void Within(string what, int value, int least, int most)
        {
            if (value < least || value > most) problems.Add($"{what} {value} ({least} to {most})");
        }
    }

    // EncoderConfig counts in int; here the product is still unchecked, so it is taken as floating point.
    private static double SamplesOfOneFrame(EncoderConfig config)
    {
        double samples = 1;
        for (int i = config.ConvLayers.Length - 1; i >= 0; i--)
            samples = (samples - 1) * config.ConvLayers[i].Stride + config.ConvLayers[i].Kernel;
        double hop = config.ConvLayers.Aggregate(1.0, (product, layer) => product * layer.Stride);
        return Math.Max(samples, hop);
    }
}
