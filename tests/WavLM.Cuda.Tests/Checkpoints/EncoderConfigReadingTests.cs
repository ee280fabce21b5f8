using System.Text.Json.Nodes;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>Configs: Hugging Face's JSON and unilm's cfg.</summary>
public class EncoderConfigReadingTests
{
    [Fact]
    public void MissingKeysHaveTheDefaultsOfWavLMConfig()
    {
        EncoderConfig config = Read("""{"model_type": "wavlm"}""");
        Assert.Equal(EncoderSizes.Base with { ConvLayers = config.ConvLayers }, config);
        Assert.Equal(EncoderSizes.Base.ConvLayers.AsSpan(), config.ConvLayers.AsSpan());
    }

    [Theory]
    [InlineData("""{}""", "no model_type", "model_type \"wavlm\"")]
    [InlineData("""{"model_type": "bert", "hidden_size": 768}""", "model_type \"bert\", which is no speech encoder that is known here", "give a WavLM checkpoint")]
    [InlineData("""{"model_type": "hubert"}""", "a hubert model", "this version runs WavLM only")]
    [InlineData("""{"model_type": "wav2vec2"}""", "a wav2vec2 model", "this version runs WavLM only")]
    [InlineData("""{"model_type": "unispeech"}""", "a unispeech model", "this version runs WavLM only")]
    [InlineData("""{"model_type": "unispeech-sat"}""", "a unispeech-sat model", "this version runs WavLM only")]
    [InlineData("""{"model_type": "data2vec-audio"}""", "a data2vec-audio model", "this version runs WavLM only")]
    [InlineData("""[1]""", "a JSON Array", "a JSON object")]
    [InlineData("""{"model_type": "wavlm", "model_type": "hubert"}""", "no JSON that can be read", "a JSON object")]
    [InlineData("{\"model_type\": \"\\ud800\"}", "no JSON that can be read (text that is no UTF-8)", "a JSON object")]
    [InlineData("{\"\\udc00\": 1}", "no JSON that can be read", "a JSON object")]
    [InlineData("""{"model_type": "wavlm",""", "no JSON that can be read", "a JSON object")]
    public void WhatIsNoWavLMIsRefused(string json, string found, string words) => Refused.With(() => Read(json), $"found {found}", words);

    [Theory]
    [InlineData("hidden_act", "\"gelu_new\"", "hidden_act \"gelu_new\"; expected \"gelu\"")]
    [InlineData("feat_extract_activation", "\"relu\"", "feat_extract_activation \"relu\"; expected \"gelu\"")]
    [InlineData("feat_extract_norm", "\"batch\"", "feat_extract_norm \"batch\"; expected \"group\" or \"layer\"")]
    [InlineData("add_adapter", "true", "add_adapter true")]
    [InlineData("hidden_size", "\"768\"", "hidden_size \"768\"; expected a whole number")]
    [InlineData("hidden_size", "768.5", "hidden_size 768.5; expected a whole number")]
    [InlineData("hidden_size", "99999999999", "hidden_size 99999999999; expected a whole number")]
    [InlineData("do_stable_layer_norm", "1", "do_stable_layer_norm 1; expected true or false")]
    [InlineData("conv_dim", "[512, 512]", "2 values in conv_dim, 7 in conv_kernel and 7 in conv_stride; expected as many in each")]
    [InlineData("conv_dim", "[512, \"x\"]", "conv_dim [512,\"x\"]; expected a list of whole numbers")]
    [InlineData("num_attention_heads", "11", "width 768 and 11 heads (heads divide the width)")]
    [InlineData("num_conv_pos_embedding_groups", "7", "width 768 and 7 positional groups (groups divide the width)")]
    [InlineData("num_attention_heads", "0", "heads 0 (1 to 1024)")]
    [InlineData("hidden_size", "-768", "width -768 (1 to 32768)")]
    [InlineData("num_hidden_layers", "2000000000", "layers 2000000000 (1 to 512)")]
    [InlineData("intermediate_size", "2000000000", "feed-forward width 2000000000 (1 to 262144)")]
    [InlineData("conv_stride", "[5,2,2,0,2,2,2]", "stride of convolution 3 0 (1 to 4096)")]
    [InlineData("conv_stride", "[4096,4096,4096,4096,4096,4096,4096]", "samples a frame (up to 1,048,576)")]
    [InlineData("num_buckets", "3", "buckets 3 (4 to 65536)")]
    [InlineData("max_bucket_distance", "80", "greatest bucket distance 80 (81 to")]
    [InlineData("layer_norm_eps", "0", "layer norm epsilon 0")]
    [InlineData("layer_norm_eps", "-1e-5", "layer norm epsilon -1E-05")]
    public void SizesThatCannotWorkAreRefused(string key, string value, string words)
        => Refused.With(() => Read(new JsonObject { ["model_type"] = "wavlm", [key] = JsonNode.Parse(value) }.ToJsonString()), words);

    [Fact]
    public void SeveralWrongSizesAreOneError()
        => Refused.With(() => Read("""{"model_type": "wavlm", "hidden_size": 0, "num_hidden_layers": -1, "num_conv_pos_embeddings": 0}"""), "layers -1", "width 0", "positional kernel 0");

    [Fact]
    public void AnEndlessConfigIsNotRead()
    {
        using var folder = new TemporaryFolder();
        using (FileStream file = File.Create(folder.File("config.json"))) file.SetLength(1L << 40);
        Refused.With(() => HuggingFaceConfig.Read(folder.File("config.json")), "1,099,511,627,776 bytes; expected at most 1,048,576");
    }

    [Theory]
    [InlineData("[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2", 7)]
    [InlineData("[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]", 7)]
    [InlineData("[(32,10,5),(32,3,2),(32,2,2)]", 3)]
    [InlineData("[(8,10,5)]*1", 1)]
    public void ConvFeatureLayersAreParsed(string expression, int layers)
    {
        var parsed = UnilmConfig.ParseConvLayers("x.pt", expression);
        Assert.Equal(layers, parsed.Length);
        Assert.Equal((10, 5), (parsed[0].Kernel, parsed[0].Stride));
        if (layers == 7) Assert.Equal([3, 3, 3, 3, 2, 2], parsed.Skip(1).Select(c => c.Kernel));
    }

    [Theory]
    [InlineData("__import__('os').system('id')")]
    [InlineData("[(512,10,5)] * 99999999")]
    [InlineData("[(512,10,5)] * 33")]
    [InlineData("[(512,10,5)] * 4 * 4")]
    [InlineData("[(512,10)]")]
    [InlineData("[(512,10,-5)]")]
    [InlineData("[(512,10,5)] +")]
    [InlineData("[]")]
    [InlineData("")]
    public void OtherExpressionsAreNeverEvaluated(string expression)
        => Refused.With(() => UnilmConfig.ParseConvLayers("x.pt", expression), $"conv_feature_layers \"{expression}\"", "lists of (channels, kernel, stride)");

    [Theory]
    [InlineData("relative_position_embedding", false, "a cfg without relative_position_embedding and gru_rel_pos")]
    [InlineData("gru_rel_pos", false, "a cfg without relative_position_embedding and gru_rel_pos")]
    [InlineData("activation_fn", "relu", "activation_fn \"relu\"; expected \"gelu\"")]
    [InlineData("extractor_mode", "batch", "extractor_mode \"batch\"; expected \"default\" or \"layer_norm\"")]
    [InlineData("encoder_embed_dim", "128", "cfg.encoder_embed_dim 128; expected a whole number")]
    [InlineData("normalize", 1L, "cfg.normalize 1; expected True or False")]
    [InlineData("_name", "hubert_ctc", "a hubert model")]
    public void AUnilmCfgThatCannotBeRunIsRefused(string key, object value, string words)
        => Refused.With(() => UnilmConfig.Read("x.pt", Cfg((key, value))), words);

    [Fact]
    public void MissingKeysOfACfgHaveUnilmsDefaults()
    {
        (EncoderConfig config, bool normalizes) = UnilmConfig.Read("x.pt", Cfg());
        Assert.Equal((768, 12, 12, 3072, 1280, 320), (config.Width, config.Layers, config.Heads, config.FeedForwardWidth, config.MaxBucketDistance, config.Buckets));
        Assert.Equal((FrontEndNorm.Group, false, false), (config.FrontEndNorm, config.PreNorm, normalizes));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("omegaconf")]
    [InlineData("namespace")]
    [InlineData("s3prl")]
    public void ACfgIsReadFromEveryWrapping(string wrapping)
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Of("wavlm-large-unilm");
        string path = folder.File("model.pt");
        WrittenCfg.Write(path, weights, wrapping);
        using Checkpoint checkpoint = Checkpoint.Open(path);
        Assert.Equal((CheckpointFormat.Unilm, true, 128, 800), (checkpoint.Format, checkpoint.ConfigNormalizes, checkpoint.Config.Width, checkpoint.Config.MaxBucketDistance));
        TestWeights.AssertSame(weights, checkpoint);
    }

    [Fact]
    public void AStateDictWithoutACfgAsksForAnEncoderConfig()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        weights.WriteTorch(folder.File("model.pt"), weights.Tensors.Keys);
        Refused.Opening(folder.File("model.pt"), "a state dict without a cfg", "--encoder-config");
        weights.WriteConfig(folder);
        using Checkpoint checkpoint = Checkpoint.Open(folder.File("model.pt"), folder.File("config.json"));
        TestWeights.AssertSame(weights, checkpoint);
        Assert.Null(checkpoint.ConfigNormalizes);
    }

    [Fact]
    public void ATorchaudioFileWithoutItsSizesIsRefused()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Of("wavlm-base-torchaudio").With(w => w.Rename(n => n.Replace("encoder.", "encoder.transformer.", StringComparison.Ordinal)));
        weights.WriteTorch(folder.File("a.pth"), weights.Tensors.Keys.Where(n => !n.Contains("rel_attn_embed", StringComparison.Ordinal)));
        Refused.Opening(folder.File("a.pth"), "no relative attention bias", "this version runs WavLM only");
        weights.WriteTorch(folder.File("b.pth"), weights.Tensors.Keys.Where(n => !n.EndsWith("original1", StringComparison.Ordinal)));
        Refused.Opening(folder.File("b.pth"), "no encoder.pos_conv_embed.conv.parametrizations.weight.original1", "--encoder-config");
    }

    private static EncoderConfig Read(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), json);
        return HuggingFaceConfig.Read(folder.File("config.json"));
    }

    private static PickleSettings Cfg(params (string Key, object Value)[] changes)
    {
        var dict = new PickleDict();
        foreach ((string key, object value) in ((string, object)[])[("relative_position_embedding", true), ("gru_rel_pos", true), .. changes])
            dict.Items.Add((new PickleScalar(key), new PickleScalar(value)));
        return PickleSettings.From("x.pt", dict)!;
    }
}
