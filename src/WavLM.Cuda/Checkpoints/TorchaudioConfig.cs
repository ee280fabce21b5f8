using System.Collections.Immutable;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Sizes of an encoder whose file holds tensors only, as torchaudio's: they follow from shapes, the rest is what every published WavLM has.</summary>
internal static class TorchaudioConfig
{
    private static readonly int[] UsualStrides = [5, 2, 2, 2, 2, 2, 2];

    /// <param name="path">The file, for messages.</param>
    /// <param name="tensors">Its tensors under canonical names.</param>
    /// <exception cref="CheckpointException">A tensor that tells a size is missing, or is of another rank.</exception>
    public static EncoderConfig FromShapes(string path, IReadOnlyDictionary<string, StoredTensor> tensors)
    {
        ImmutableArray<long> direction = Shape(EncoderTensors.PositionalDirection, 3);
        int width = Size(direction[0]), layers = 0;
        while (tensors.ContainsKey($"encoder.layers.{layers}.layer_norm.weight")) layers++;
        if (layers == 0) throw Wrong("no encoder.layers.0.layer_norm.weight", "transformer layers");
        if (!tensors.ContainsKey("encoder.layers.0.attention.rel_attn_embed.weight"))
            throw Wrong("no relative attention bias", "rel_attn_embed, as in WavLM", "this version runs WavLM only; give a WavLM checkpoint");
        bool layerNorm = tensors.ContainsKey("feature_extractor.conv_layers.1.layer_norm.weight");

        var config = new EncoderConfig
        {
            ModelType = "wavlm",
            Width = width,
            Layers = layers,
            Heads = tensors.ContainsKey("encoder.layers.0.attention.gru_rel_pos_const") ? Size(Shape("encoder.layers.0.attention.gru_rel_pos_const", 4)[1]) : Math.Max(1, width / 64),
            FeedForwardWidth = Size(Shape("encoder.layers.0.feed_forward.intermediate_dense.weight", 2)[0]),
            ConvLayers = [.. UsualStrides.Select((stride, c) => ConvLayer(c, stride))],
            ConvBias = tensors.ContainsKey("feature_extractor.conv_layers.0.conv.bias"),
            FrontEndNorm = layerNorm ? FrontEndNorm.Layer : FrontEndNorm.Group,
            PreNorm = layerNorm,
            LayerNormEpsilon = 1e-5,
            PositionalKernel = Size(direction[2]),
            PositionalGroups = direction[1] > 0 && direction[0] % direction[1] == 0 ? Size(direction[0] / direction[1])
                : throw Wrong($"{EncoderTensors.PositionalDirection} {StoredTensor.Describe(direction)}", "[width, width / groups, kernel]"),
            Buckets = Size(Shape("encoder.layers.0.attention.rel_attn_embed.weight", 2)[0]),
            MaxBucketDistance = 800,
        };
        ConfigLimits.Check(config, path);
        return config;

        ConvLayer ConvLayer(int c, int stride)
        {
            ImmutableArray<long> shape = Shape($"feature_extractor.conv_layers.{c}.conv.weight", 3);
            return new ConvLayer(Size(shape[0]), Size(shape[2]), stride);
        }

        ImmutableArray<long> Shape(string name, int rank)
            => !tensors.TryGetValue(name, out StoredTensor? tensor) ? throw Wrong($"no {name}", "every tensor of a WavLM")
                : tensor.Shape.Length == rank ? tensor.Shape : throw Wrong($"{tensor.Name} {StoredTensor.Describe(tensor.Shape)}", $"{rank} dimensions");

        // What does not fit an int is far past every limit, and is refused as such.
        static int Size(long dimension) => (int)Math.Min(dimension, int.MaxValue);

        CheckpointException Wrong(string found, string expected, string remedy = "give a torchaudio checkpoint of WavLM, or the sizes with --encoder-config")
            => new(path, found, expected, remedy);
    }
}
