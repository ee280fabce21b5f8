using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>What a reader found out about a checkpoint; <see cref="Checkpoint"/> is the same with its files' lifetime.</summary>
internal sealed record CheckpointParts(CheckpointFormat Format, EncoderConfig Config, Dictionary<string, StoredTensor> Tensors)
{
    public bool? PreprocessorNormalizes { get; init; }

    public bool? ConfigNormalizes { get; init; }

    /// <summary>Names made canonical, what is decided by presence decided, and the whole set compared with the config.</summary>
    /// <exception cref="CheckpointException">The tensors are not those of the config.</exception>
    public static CheckpointParts From(string path, CheckpointFormat format, EncoderConfig config, IReadOnlyCollection<StoredTensor> stored)
    {
        Dictionary<string, StoredTensor> tensors = EncoderTensorMap.Rename(path, stored);
        config = config with
        {
            ConvBias = tensors.Keys.Any(n => n.StartsWith("feature_extractor.", StringComparison.Ordinal) && n.EndsWith(".conv.bias", StringComparison.Ordinal)),
            // Only unilm leaves the projection out, and only where there is nothing to project.
            Projection = format != CheckpointFormat.Unilm || config.ConvWidth != config.Width || tensors.ContainsKey("feature_projection.projection.weight"),
        };
        EncoderTensorMap.Check(path, config, tensors);
        return new CheckpointParts(format, config, tensors);
    }
}
