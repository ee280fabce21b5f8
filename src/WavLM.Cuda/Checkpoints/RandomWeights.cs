using System.Text;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// Random weights at scales that keep activations near one through all layers, with a real spread wherever a trained model has one
/// (gains, gates, bias table): an error in any part of a forward pass shows. A value depends on seed, name and index alone.
/// </summary>
internal sealed class RandomWeights(EncoderConfig config, ulong seed)
{
    private const ulong Golden = 0x9E3779B97F4A7C15;   // 2^64 / golden ratio, SplitMix64's step

    // E[GELU(x)^2] is 0.425 for a standard normal x: what a convolution must make up for where no norm follows it.
    private const float GeluGain = 1.5f;

    /// <inheritdoc cref="TensorValues" />
    public void Fill(string name, long first, Span<float> destination)
    {
        (float mean, float spread) = Distribution(name);
        ulong stream = Mix(seed * Golden ^ Hash(name));
        for (int i = 0; i < destination.Length; i++)
            destination[i] = mean + spread * Normal(Mix(stream + (ulong)(first + i + 1) * Golden));
    }

    /// <summary>Mean and standard deviation of a tensor's values.</summary>
    internal (float Mean, float Spread) Distribution(string name)
    {
        // A frame of the positional convolution sums kernel * width / groups products whose weights have this gain over the norm of
        // width * width / groups values: its variance is kernel * gain^2 / width. Half the size of what it is added to.
        if (name == EncoderTensors.PositionalGain) return (0.5f * Root(config.Width / (float)config.PositionalKernel), 0.05f * Root(config.Width / (float)config.PositionalKernel));
        if (name == EncoderTensors.PositionalDirection) return (0, 1 / Root(config.Width / config.PositionalGroups * (float)config.PositionalKernel));
        if (name == EncoderTensors.Mask) return (0, 1);
        if (name.EndsWith("gru_rel_pos_const", StringComparison.Ordinal)) return (1, 0.5f);
        if (name.EndsWith("rel_attn_embed.weight", StringComparison.Ordinal)) return (0, 1);
        // The gate sums four of these outputs: 2 on either side of a sigmoid's middle, open and closed but seldom shut.
        if (name.EndsWith("gru_rel_pos_linear.weight", StringComparison.Ordinal)) return (0, 1 / Root(config.HeadWidth));
        if (name.EndsWith("layer_norm.weight", StringComparison.Ordinal)) return (1, 0.1f);
        if (name.EndsWith(".bias", StringComparison.Ordinal)) return (0, 0.05f);
        if (name.EndsWith(".conv.weight", StringComparison.Ordinal)) return (0, GeluGain / Root(FanInOfConv(name)));
        if (name.EndsWith("feature_projection.projection.weight", StringComparison.Ordinal)) return (0, 1 / Root(config.ConvWidth));
        if (name.EndsWith("output_dense.weight", StringComparison.Ordinal)) return (0, 1 / Root(config.FeedForwardWidth));
        // Attention averages, and what it averages is common to all frames: at full strength Base's frames are within 4 % of each other
        // after twelve layers, and an error in one would drown. Sharper weights on fewer frames, and less of them, leave 50 %.
        if (name.EndsWith("q_proj.weight", StringComparison.Ordinal) || name.EndsWith("k_proj.weight", StringComparison.Ordinal)) return (0, 1.5f / Root(config.Width));
        if (name.EndsWith("out_proj.weight", StringComparison.Ordinal)) return (0, 0.4f / Root(config.Width));
        return (0, 1 / Root(config.Width));   // v_proj, intermediate_dense
    }

    private int FanInOfConv(string name)
    {
        int c = int.Parse(name.Split('.')[2], System.Globalization.CultureInfo.InvariantCulture);
        return config.ConvLayers[c].Kernel * (c == 0 ? 1 : config.ConvLayers[c - 1].Channels);
    }

    private static float Root(float value) => MathF.Sqrt(value);

    // Four 16-bit parts added up: near enough to normal for weights (no tail past 3.5), quick, and of integers, so that every
    // machine makes the same file from a seed, which logarithms and cosines would not promise.
    private static float Normal(ulong bits)
    {
        int sum = (int)((bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48));
        const float Scale = 1.7320508f / 65536;   // the sum's variance is 4 * 65536^2 / 12
        return (sum - 2 * 65535) * Scale;
    }

    // SplitMix64's output function.
    private static ulong Mix(ulong z)
    {
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    // FNV-1a: string.GetHashCode differs from run to run.
    private static ulong Hash(string name)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte b in Encoding.UTF8.GetBytes(name)) hash = (hash ^ b) * 0x100000001B3;
        return hash;
    }
}
