using System.Collections.Immutable;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Hugging Face's config.json. A key that is not there has the value that WavLMConfig gives it.</summary>
internal static class HuggingFaceConfig
{
    private static readonly string[] Siblings = ["hubert", "wav2vec2", "unispeech", "unispeech-sat", "data2vec-audio", "wav2vec2-conformer", "wav2vec2-bert"];

    /// <exception cref="CheckpointException">The file is no encoder's config, or asks for something that this version does not run.</exception>
    public static EncoderConfig Read(string path)
    {
        using JsonFile json = JsonFile.Open(path);
        string modelType = json.Text("model_type")
            ?? throw new CheckpointException(path, "no model_type", "model_type \"wavlm\"", "give the config of a WavLM checkpoint");
        RefuseOtherModels(path, modelType);
        Require(json, "hidden_act", json.Text("hidden_act") ?? "gelu", "gelu");
        Require(json, "feat_extract_activation", json.Text("feat_extract_activation") ?? "gelu", "gelu");
        if (json.Flag("add_adapter", false))
            throw new CheckpointException(path, "add_adapter true", "add_adapter false", "use the checkpoint without the convolutional adapter, which this version does not run");

        var config = new EncoderConfig
        {
            ModelType = modelType,
            Width = json.Integer("hidden_size", 768),
            Layers = json.Integer("num_hidden_layers", 12),
            Heads = json.Integer("num_attention_heads", 12),
            FeedForwardWidth = json.Integer("intermediate_size", 3072),
            ConvLayers = ConvLayers(json),
            ConvBias = json.Flag("conv_bias", false),
            FrontEndNorm = (json.Text("feat_extract_norm") ?? "group") switch
            {
                "group" => FrontEndNorm.Group,
                "layer" => FrontEndNorm.Layer,
                string other => throw new CheckpointException(path, $"feat_extract_norm \"{other}\"", "\"group\" or \"layer\"", "correct the value"),
            },
            PreNorm = json.Flag("do_stable_layer_norm", false),
            LayerNormEpsilon = json.Real("layer_norm_eps", 1e-5),
            PositionalKernel = json.Integer("num_conv_pos_embeddings", 128),
            PositionalGroups = json.Integer("num_conv_pos_embedding_groups", 16),
            Buckets = json.Integer("num_buckets", 320),
            MaxBucketDistance = json.Integer("max_bucket_distance", 800),
        };
        ConfigLimits.Check(config, path);
        return config;
    }

    /// <summary>Refuses every model_type but wavlm, the siblings by what they are.</summary>
    public static void RefuseOtherModels(string path, string modelType)
    {
        if (modelType == "wavlm") return;
        if (Siblings.Contains(modelType))
            throw new CheckpointException(path, $"a {modelType} model", "model_type \"wavlm\"", "this version runs WavLM only; give a WavLM checkpoint");
        throw new CheckpointException(path, $"model_type \"{modelType}\", which is no speech encoder that is known here", "model_type \"wavlm\"", "give a WavLM checkpoint");
    }

    private static ImmutableArray<ConvLayer> ConvLayers(JsonFile json)
    {
        ImmutableArray<int> channels = json.Integers("conv_dim", [512, 512, 512, 512, 512, 512, 512]);
        ImmutableArray<int> kernels = json.Integers("conv_kernel", [10, 3, 3, 3, 3, 2, 2]);
        ImmutableArray<int> strides = json.Integers("conv_stride", [5, 2, 2, 2, 2, 2, 2]);
        if (channels.Length != kernels.Length || channels.Length != strides.Length)
            throw new CheckpointException(json.Path, $"{channels.Length} values in conv_dim, {kernels.Length} in conv_kernel and {strides.Length} in conv_stride",
                "as many in each", "correct the lists");
        return [.. channels.Select((c, i) => new ConvLayer(c, kernels[i], strides[i]))];
    }

    private static void Require(JsonFile json, string key, string found, string expected)
    {
        if (found != expected)
            throw new CheckpointException(json.Path, $"{key} \"{found}\"", $"\"{expected}\"", $"use a checkpoint with {expected}, no published WavLM has another");
    }
}
