using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>The sizes that were published.</summary>
public static class EncoderSizes
{
    /// <summary>WavLM Base and Base+: 12 layers of 768, post-norm, 94 million parameters.</summary>
    public static EncoderConfig Base { get; } = new()
    {
        ModelType = "wavlm",
        Width = 768,
        Layers = 12,
        Heads = 12,
        FeedForwardWidth = 3072,
        ConvLayers = [new(512, 10, 5), new(512, 3, 2), new(512, 3, 2), new(512, 3, 2), new(512, 3, 2), new(512, 2, 2), new(512, 2, 2)],
        ConvBias = false,
        FrontEndNorm = FrontEndNorm.Group,
        PreNorm = false,
        LayerNormEpsilon = 1e-5,
        PositionalKernel = 128,
        PositionalGroups = 16,
        Buckets = 320,
        MaxBucketDistance = 800,
    };

    /// <summary>WavLM Large: 24 layers of 1024, pre-norm, 315 million parameters.</summary>
    public static EncoderConfig Large { get; } = Base with
    {
        Width = 1024,
        Layers = 24,
        Heads = 16,
        FeedForwardWidth = 4096,
        FrontEndNorm = FrontEndNorm.Layer,
        PreNorm = true,
    };

    /// <summary>Names of the sizes on the command line.</summary>
    public static IReadOnlyList<string> Names { get; } = ["base", "base-plus", "large"];

    /// <summary>The sizes of a name, or of a config.json as Hugging Face's.</summary>
    /// <param name="nameOrFile">One of <see cref="Names"/>, or a file whose name ends in .json.</param>
    /// <exception cref="CheckpointException">There is no such size, or the file is no encoder's config.</exception>
    public static EncoderConfig Find(string nameOrFile)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrFile);
        return nameOrFile switch
        {
            "base" or "base-plus" => Base,   // they differ in what they were trained on
            "large" => Large,
            _ when nameOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase) => HuggingFaceConfig.Read(nameOrFile),
            _ => throw new CheckpointException(nameOrFile, "no size of this name", string.Join(", ", Names) + " or a .json file", "name one of them"),
        };
    }

    /// <summary>Values in all tensors of an encoder of these sizes, the mask among them.</summary>
    public static long Parameters(EncoderConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Width + EncoderTensors.Of(config).Sum(t => t.Shape.Aggregate(1L, (product, dimension) => checked(product * dimension)));
    }
}
