using System.Buffers;
using System.Text.Json;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Writes checkpoints of random weights: Hugging Face folders that transformers loads as well as this library does.</summary>
public static class CheckpointInitializer
{
    /// <summary>Writes config.json, preprocessor_config.json and model.safetensors. The same sizes and seed give the same bytes on every machine.</summary>
    /// <param name="config">Sizes of a WavLM.</param>
    /// <param name="seed">Any number; another one gives other weights.</param>
    /// <param name="folder">Where to; made if it is missing.</param>
    /// <param name="cancellationToken">Ends the writing; nothing half done is left.</param>
    /// <exception cref="CheckpointException">The folder holds a checkpoint already or cannot be written, or the sizes cannot work.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static void Write(EncoderConfig config, ulong seed, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        HuggingFaceConfig.RefuseOtherModels(folder, config.ModelType);
        ConfigLimits.Check(config, folder);
        if (!config.Projection) config = config with { Projection = true };   // transformers' WavLM always has one

        string configPath = Path.Combine(folder, "config.json");
        if (File.Exists(configPath) || HuggingFaceFolder.WeightsOf(folder) is not null)
            throw new CheckpointException(folder, "a checkpoint", "a folder without one", "name another folder, or remove what is there");
        try
        {
            Directory.CreateDirectory(folder);
            WriteWhole(Path.Combine(folder, "model.safetensors"), path => WriteWeights(config, seed, path, cancellationToken));
            WriteWhole(Path.Combine(folder, "preprocessor_config.json"), path => WriteJson(path, json => Preprocessor(config, json)));
            // Last: a folder without config.json is no checkpoint, so a kill before this leaves none that could be taken for one.
            WriteWhole(configPath, path => WriteJson(path, json => Config(config, json)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(folder, $"a folder that cannot be written ({e.Message})", "a folder with room for the weights", "check permissions and free space, or name another folder", e);
        }
    }

    // Under a temporary name in the same folder until it is complete and on the disk.
    private static void WriteWhole(string path, Action<string> write)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            write(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void WriteWeights(EncoderConfig config, ulong seed, string path, CancellationToken cancellationToken)
    {
        IEnumerable<(string Name, long[] Shape)> tensors = EncoderTensors.Of(config).Append((EncoderTensors.Mask, [config.Width]));
        var weights = new RandomWeights(config, seed);
        SafetensorsWriter.Write(path, [.. tensors.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => new CheckpointTensor(t.Name, StoredType.Float32, [.. t.Shape]))],
            weights.Fill, cancellationToken);
    }

    private static void WriteJson(string path, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        using var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.Write(handle, buffer.WrittenSpan, 0);
        RandomAccess.FlushToDisk(handle);
    }

    private static void Config(EncoderConfig config, Utf8JsonWriter json)
    {
        json.WriteStartArray("architectures");
        json.WriteStringValue("WavLMModel");
        json.WriteEndArray();
        json.WriteString("model_type", "wavlm");
        json.WriteNumber("hidden_size", config.Width);
        json.WriteNumber("num_hidden_layers", config.Layers);
        json.WriteNumber("num_attention_heads", config.Heads);
        json.WriteNumber("intermediate_size", config.FeedForwardWidth);
        json.WriteString("hidden_act", "gelu");
        json.WriteNumber("layer_norm_eps", config.LayerNormEpsilon);
        json.WriteBoolean("do_stable_layer_norm", config.PreNorm);
        json.WriteString("feat_extract_norm", config.FrontEndNorm == FrontEndNorm.Layer ? "layer" : "group");
        json.WriteString("feat_extract_activation", "gelu");
        json.WriteBoolean("conv_bias", config.ConvBias);
        Integers("conv_dim", config.ConvLayers.Select(c => c.Channels));
        Integers("conv_kernel", config.ConvLayers.Select(c => c.Kernel));
        Integers("conv_stride", config.ConvLayers.Select(c => c.Stride));
        json.WriteNumber("num_feat_extract_layers", config.ConvLayers.Length);
        json.WriteNumber("num_conv_pos_embeddings", config.PositionalKernel);
        json.WriteNumber("num_conv_pos_embedding_groups", config.PositionalGroups);
        json.WriteNumber("num_buckets", config.Buckets);
        json.WriteNumber("max_bucket_distance", config.MaxBucketDistance);
        json.WriteBoolean("add_adapter", false);
        json.WriteBoolean("use_weighted_layer_sum", false);
        json.WriteNumber("vocab_size", 32);
        json.WriteNumber("pad_token_id", 0);
        json.WriteNumber("bos_token_id", 1);
        json.WriteNumber("eos_token_id", 2);
        json.WriteString("torch_dtype", "float32");

        void Integers(string key, IEnumerable<int> values)
        {
            json.WriteStartArray(key);
            foreach (int value in values) json.WriteNumberValue(value);
            json.WriteEndArray();
        }
    }

    private static void Preprocessor(EncoderConfig config, Utf8JsonWriter json)
    {
        bool layerNorm = config.FrontEndNorm == FrontEndNorm.Layer;
        json.WriteBoolean("do_normalize", layerNorm);
        json.WriteString("feature_extractor_type", "Wav2Vec2FeatureExtractor");
        json.WriteNumber("feature_size", 1);
        json.WriteString("padding_side", "right");
        json.WriteNumber("padding_value", 0);
        json.WriteBoolean("return_attention_mask", layerNorm);   // a group norm over time saw no masks in training
        json.WriteNumber("sampling_rate", 16000);
    }
}
