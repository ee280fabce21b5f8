using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>What a kernel does in the pass over one utterance.</summary>
/// <param name="Kernel">The entry point.</param>
/// <param name="Launches">How often.</param>
/// <param name="Bytes">That a launch must read and write, each once.</param>
/// <param name="Operations">Of a launch; a multiply-add is two.</param>
/// <param name="Rate">What they are done with.</param>
/// <param name="Exponentials">Of a launch.</param>
internal sealed record KernelWork(string Kernel, int Launches, double Bytes, double Operations, OperationRate Rate = OperationRate.Float32, double Exponentials = 0)
{
    private const int Erf = 25, Norm = 8;   // operations an element
    private const int Centroids = 500;
    private const int StatisticsChunk = 8192, WindowsChunk = 512;

    /// <summary>The forward pass in its order, and what may be done with its hidden states.</summary>
    public static IEnumerable<KernelWork> Of(EncoderConfig config, ElementType operands, long samples)
        => [.. Waveform(config, samples), .. FrontEnd(config, operands, samples), .. Transformer(config, operands, config.Frames(samples)), .. Reductions(config, config.Frames(samples))];

    private static IEnumerable<KernelWork> Waveform(EncoderConfig config, long samples)
    {
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        long chunks = (samples + StatisticsChunk - 1) / StatisticsChunk;
        // The deviation is wanted in front of layer norms only.
        yield return new("waveform_statistics", group ? 1 : 2, 4.0 * samples, 3.0 * samples, OperationRate.Float64);
        yield return new("chunk_sums", group ? 1 : 2, 8.0 * chunks, chunks, OperationRate.Float64);
        yield return new("normalize_waveform", 1, 8.0 * samples, 4.0 * samples);
        if (!group) yield break;
        ConvLayer first = config.ConvLayers[0];
        double windows = (samples - first.Kernel) / first.Stride + 1, products = (first.Kernel + 1) * (first.Kernel + 2) / 2 - 1;
        yield return new("window_moments", 1, 4.0 * samples, 2 * products * windows, OperationRate.Float64);
        yield return new("chunk_sums", 1, 8.0 * products * (windows / WindowsChunk), products * (windows / WindowsChunk), OperationRate.Float64);
        yield return new("group_norm_fold", 1, 8.0 * (first.Kernel + 1) * first.Channels, 6 * products * first.Channels, OperationRate.Float64);
    }

    private static IEnumerable<KernelWork> FrontEnd(EncoderConfig config, ElementType operands, long samples)
    {
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        int norm = group ? 0 : Norm, stored = operands.Bytes();
        double rows = (config.Frames(samples) + 1) * (double)config.SamplesPerFrame;   // one slot more than frames
        for (int level = 0; level < config.ConvLayers.Length; level++)
        {
            ConvLayer layer = config.ConvLayers[level];
            rows /= layer.Stride;
            double elements = rows * layer.Channels;
            int written = level == config.ConvLayers.Length - 1 ? sizeof(float) : stored;
            yield return level == 0
                ? new("first_conv", 1, 4.0 * samples + written * elements, (2 * layer.Kernel + norm + Erf) * elements)
                : new(group ? "gelu" : "layer_norm", 1, (stored + written) * elements, (norm + Erf) * elements);
        }
        yield return new("compact", 1, 8.0 * rows * config.ConvWidth, 0);
    }

    private static IEnumerable<KernelWork> Transformer(EncoderConfig config, ElementType operands, double frames)
    {
        int stored = operands.Bytes(), beside = operands == ElementType.Float32 ? 0 : stored;
        double stream = frames * config.Width, gates = config.Buckets > 0 ? 1 : 0;
        OperationRate matrices = operands == ElementType.Float32 ? OperationRate.Float32 : OperationRate.Half;
        yield return new("layer_norm", 1, (4 + stored) * frames * config.ConvWidth, Norm * frames * config.ConvWidth);
        double weights = (double)config.Width * config.Width / config.PositionalGroups * config.PositionalKernel;
        yield return new("positional_conv", 1, 8 * stream + stored * weights, 2 * frames * weights, matrices);

        // One before or behind each attention and each feed-forward; those before an attention write its gates.
        double normBytes = (config.PreNorm ? 4 + stored : 8 + beside) * stream;
        yield return new("layer_norm", config.Layers, normBytes + 4 * gates * frames * config.Heads, (Norm + 4 * gates) * stream);
        yield return new("layer_norm", config.Layers, normBytes, Norm * stream);
        yield return new("layer_norm", 1, config.PreNorm ? 8 * stream : normBytes, Norm * stream);
        yield return new("gated_attention", config.Layers, 4 * stored * stream + 4 * gates * frames * config.Heads, 4 * frames * stream, matrices, config.Heads * frames * frames);
        yield return new("gelu", config.Layers, 2 * stored * frames * config.FeedForwardWidth, Erf * frames * config.FeedForwardWidth);
    }

    private static IEnumerable<KernelWork> Reductions(EncoderConfig config, double frames)
    {
        double stream = frames * config.Width;
        yield return new("weighted_sum", 1, 8 * stream, stream);
        yield return new("weighted_sum", config.Layers, 12 * stream, 2 * stream);
        yield return new("pool", 1, 8 * stream, 4 * stream);
        yield return new("nearest_centroid", 1, 4 * stream + 4.0 * Centroids * config.Width, 3 * stream * Centroids);
    }
}

/// <summary>What arithmetic is done with.</summary>
internal enum OperationRate
{
    Float32,
    Float64,

    /// <summary>Matrix products of half precision on tensor cores, added up in float32.</summary>
    Half,
}
