namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// The spellings of an encoder's tensors, made canonical: Hugging Face's names without a model prefix. This file is the one place
/// that knows them; <see cref="EncoderTensors"/> says which must be there.
/// </summary>
internal static class TensorNames
{
    private static readonly string[] ModelPrefixes = ["wavlm.", "hubert.", "wav2vec2.", "unispeech_sat.", "data2vec_audio.", "w2v_encoder.w2v_model.", "w2v_model."];

    // Parts of pre-training and of fine-tuning that no encoder uses, in the order of the papers.
    private static readonly string[] Ignored =
    [
        "quantizer.", "project_q.", "project_hid.", "final_proj.", "label_embs_concat", "spk_proj.", "encoder.layer_norm_for_extract.", "loss_calculator.",
        "lm_head.", "proj.", "aux.",   // CTC: Hugging Face, fairseq, torchaudio
    ];

    // Beside a prefixed encoder stand the tensors of its head. "feature_extractor." is there the x-vector's last linear map, not the front end.
    private static readonly string[] Heads =
        ["lm_head.", "classifier.", "projector.", "tdnn.", "layer_weights", "feature_extractor.weight", "feature_extractor.bias", "objective.", "w2v_encoder.proj."];

    private static readonly (string From, string To)[] Beginnings =
    [
        ("mask_emb", EncoderTensors.Mask),
        ("layer_norm.", "feature_projection.layer_norm."),
        ("post_extract_proj.", "feature_projection.projection."),
        ("encoder.pos_conv.0.", "encoder.pos_conv_embed.conv."),
        ("encoder.feature_projection.", "feature_projection."),   // torchaudio's outer "encoder" holds both
        ("encoder.transformer.", "encoder."),
    ];

    private static readonly (string From, string To)[] InLayers =
    [
        (".self_attn.grep_a", ".attention.gru_rel_pos_const"),
        (".self_attn.grep_linear.", ".attention.gru_rel_pos_linear."),
        (".self_attn.relative_attention_bias.", ".attention.rel_attn_embed."),
        (".self_attn_layer_norm.", ".layer_norm."),
        (".self_attn.", ".attention."),
        (".fc1.", ".feed_forward.intermediate_dense."),
        (".fc2.", ".feed_forward.output_dense."),
        (".attention.attention.", ".attention."),   // torchaudio wraps PyTorch's own attention
    ];

    /// <summary>The prefix that every tensor of the encoder has among these names; empty where there is none.</summary>
    public static string PrefixOf(IEnumerable<string> names)
        => ModelPrefixes.FirstOrDefault(prefix => names.Any(n => n.StartsWith(prefix + "encoder.", StringComparison.Ordinal))) ?? "";

    /// <summary>The canonical name of <paramref name="name"/>, or null for what no encoder uses.</summary>
    /// <param name="name">A name as it stands in the file.</param>
    /// <param name="prefix">What <see cref="PrefixOf"/> found.</param>
    public static string? Canonical(string name, string prefix)
    {
        if (prefix.Length > 0)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal)) return StartsWithOneOf(name, Heads) || StartsWithOneOf(name, Ignored) ? null : name;
            name = name[prefix.Length..];
        }
        if (StartsWithOneOf(name, Ignored)) return null;
        if (name.StartsWith("feature_extractor.conv_layers.", StringComparison.Ordinal)) return ConvName(name);
        foreach ((string from, string to) in Beginnings)
        {
            if (!name.StartsWith(from, StringComparison.Ordinal)) continue;
            name = to + name[from.Length..];
            break;
        }
        if (name.StartsWith("encoder.layers.", StringComparison.Ordinal))
        {
            foreach ((string from, string to) in InLayers)
            {
                int at = name.IndexOf(from, StringComparison.Ordinal);
                if (at < 0) continue;
                name = name[..at] + to + name[(at + from.Length)..];
                break;
            }
        }
        return name switch
        {
            "encoder.pos_conv_embed.conv.weight_g" => EncoderTensors.PositionalGain,
            "encoder.pos_conv_embed.conv.weight_v" => EncoderTensors.PositionalDirection,
            _ => name,
        };
    }

    // unilm numbers the parts of a convolution: 0 the convolution, 2 its GroupNorm, 2.1 its LayerNorm between two transpositions.
    private static string ConvName(string name)
    {
        string[] parts = name.Split('.');
        return parts switch
        {
            [_, _, string c, "0", string leaf] => $"feature_extractor.conv_layers.{c}.conv.{leaf}",
            [_, _, string c, "2", string leaf] => $"feature_extractor.conv_layers.{c}.layer_norm.{leaf}",
            [_, _, string c, "2", "1", string leaf] => $"feature_extractor.conv_layers.{c}.layer_norm.{leaf}",
            _ => name,
        };
    }

    private static bool StartsWithOneOf(string name, string[] beginnings)
        => beginnings.Any(b => name.StartsWith(b, StringComparison.Ordinal));
}
