using System.Collections.Immutable;
using System.Globalization;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>The cfg of a unilm checkpoint. A key that is not there has the value that unilm's WavLMConfig gives it.</summary>
internal static class UnilmConfig
{
    private const string UsualConvLayers = "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2";
    private const int MaxConvLayers = 32;

    /// <exception cref="CheckpointException">The cfg is of another model or cannot be run.</exception>
    public static (EncoderConfig Config, bool Normalizes) Read(string path, PickleSettings settings)
    {
        if (settings.Text("_name") is { } model) HuggingFaceConfig.RefuseOtherModels(path, model.Split('_')[0]);
        // The gated relative bias is what makes a WavLM: HuBERT's and wav2vec's files have the same keys without it.
        if (!settings.Flag("relative_position_embedding", false) || !settings.Flag("gru_rel_pos", false))
            throw new CheckpointException(path, "a cfg without relative_position_embedding and gru_rel_pos", "both true, as in WavLM", "this version runs WavLM only; give a WavLM checkpoint");
        if ((settings.Text("activation_fn") ?? "gelu") is var activation and not "gelu")
            throw new CheckpointException(path, $"activation_fn \"{activation}\"", "\"gelu\"", "use a checkpoint with gelu, no published WavLM has another");

        var config = new EncoderConfig
        {
            ModelType = "wavlm",
            Width = settings.Integer("encoder_embed_dim", 768),
            Layers = settings.Integer("encoder_layers", 12),
            Heads = settings.Integer("encoder_attention_heads", 12),
            FeedForwardWidth = settings.Integer("encoder_ffn_embed_dim", 3072),
            ConvLayers = ParseConvLayers(path, settings.Text("conv_feature_layers") ?? UsualConvLayers),
            ConvBias = settings.Flag("conv_bias", false),
            FrontEndNorm = (settings.Text("extractor_mode") ?? "default") switch
            {
                "default" => FrontEndNorm.Group,
                "layer_norm" => FrontEndNorm.Layer,
                string other => throw new CheckpointException(path, $"extractor_mode \"{other}\"", "\"default\" or \"layer_norm\"", "use one of these front ends"),
            },
            PreNorm = settings.Flag("layer_norm_first", false),
            LayerNormEpsilon = 1e-5,   // PyTorch's own, which unilm leaves as it is
            PositionalKernel = settings.Integer("conv_pos", 128),
            PositionalGroups = settings.Integer("conv_pos_groups", 16),
            Buckets = settings.Integer("num_buckets", 320),
            MaxBucketDistance = settings.Integer("max_distance", 1280),
        };
        ConfigLimits.Check(config, path);
        return (config, settings.Flag("normalize", false));
    }

    /// <summary>
    /// Reads unilm's conv_feature_layers, a Python expression: lists of (channels, kernel, stride), each perhaps times a number, added
    /// up. It is parsed, never evaluated.
    /// </summary>
    /// <exception cref="CheckpointException">The text is something else.</exception>
    public static ImmutableArray<ConvLayer> ParseConvLayers(string path, string expression)
    {
        ImmutableArray<ConvLayer>.Builder layers = ImmutableArray.CreateBuilder<ConvLayer>();
        ReadOnlySpan<char> rest = string.Concat(expression.Where(c => !char.IsWhiteSpace(c)));
        do
        {
            var term = new List<ConvLayer>();
            Expect(ref rest, '[');
            do
            {
                Expect(ref rest, '(');
                int channels = Number(ref rest);
                Expect(ref rest, ',');
                int kernel = Number(ref rest);
                Expect(ref rest, ',');
                term.Add(new ConvLayer(channels, kernel, Number(ref rest)));
                Expect(ref rest, ')');
            } while (Accept(ref rest, ','));
            Expect(ref rest, ']');
            int times = Accept(ref rest, '*') ? Number(ref rest) : 1;
            if (times > MaxConvLayers || layers.Count + times * (long)term.Count > MaxConvLayers) throw Wrong();
            for (int i = 0; i < times; i++) layers.AddRange(term);
        } while (Accept(ref rest, '+'));
        return rest.IsEmpty ? layers.ToImmutable() : throw Wrong();

        static bool Accept(ref ReadOnlySpan<char> rest, char wanted)
        {
            if (rest.IsEmpty || rest[0] != wanted) return false;
            rest = rest[1..];
            return true;
        }

        void Expect(ref ReadOnlySpan<char> rest, char wanted)
        {
            if (!Accept(ref rest, wanted)) throw Wrong();
        }

        int Number(ref ReadOnlySpan<char> rest)
        {
            int digits = 0;
            while (digits < rest.Length && char.IsAsciiDigit(rest[digits])) digits++;
            if (digits is 0 or > 6) throw Wrong();
            int number = int.Parse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[digits..];
            return number;
        }

        CheckpointException Wrong() => new(path, $"conv_feature_layers \"{(expression.Length > 200 ? expression[..200] + "..." : expression)}\"",
            $"lists of (channels, kernel, stride) such as \"{UsualConvLayers}\", {MaxConvLayers} at most", "give the sizes with --encoder-config");
    }
}
