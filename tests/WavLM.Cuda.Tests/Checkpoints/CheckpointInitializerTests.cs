using System.Text.Json;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Checkpoints;

public class CheckpointInitializerTests
{
    private static EncoderConfig TinySizes()
    {
        using Checkpoint tiny = Checkpoint.Open(Fixture.Named("wavlm-tiny").ModelPath);
        return tiny.Config;
    }

    [Fact]
    public void WhatIsWrittenOpensWithTheSameSizes()
    {
        using var folder = new TemporaryFolder();
        EncoderConfig config = TinySizes() with { FrontEndNorm = FrontEndNorm.Layer, PreNorm = true, ConvBias = true, LayerNormEpsilon = 1e-6, MaxBucketDistance = 640 };
        CheckpointInitializer.Write(config, 1, folder.Path);

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Assert.Equal(config with { ConvLayers = checkpoint.Config.ConvLayers }, checkpoint.Config);
        Assert.Equal(config.ConvLayers.AsSpan(), checkpoint.Config.ConvLayers.AsSpan());
        Assert.True(checkpoint.Contains("masked_spec_embed"));
        Assert.True(checkpoint.PreprocessorNormalizes);
        Assert.Equal(["config.json", "model.safetensors", "preprocessor_config.json"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheConfigHasEveryKeyThatTransformersWritesForASize()
    {
        using var folder = new TemporaryFolder();
        CheckpointInitializer.Write(TinySizes(), 1, folder.Path);
        using JsonDocument ours = JsonDocument.Parse(File.ReadAllBytes(folder.File("config.json")));
        using JsonDocument theirs = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Fixture.Named("wavlm-tiny").ModelPath, "config.json")));
        foreach (string key in (string[])["architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "layer_norm_eps", "do_stable_layer_norm", "feat_extract_norm", "feat_extract_activation", "conv_bias", "conv_dim", "conv_kernel", "conv_stride",
            "num_feat_extract_layers", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups", "num_buckets", "max_bucket_distance", "add_adapter"])
            Assert.True(JsonElement.DeepEquals(theirs.RootElement.GetProperty(key), ours.RootElement.GetProperty(key)), key);
    }

    [Fact]
    public void ASeedAlwaysGivesTheSameBytes()
    {
        using TemporaryFolder first = new(), second = new(), other = new();
        CheckpointInitializer.Write(TinySizes(), 7, first.Path);
        CheckpointInitializer.Write(TinySizes(), 7, second.Path);
        CheckpointInitializer.Write(TinySizes(), 8, other.Path);
        foreach (string file in (string[])["config.json", "preprocessor_config.json", "model.safetensors"])
            Assert.Equal(File.ReadAllBytes(first.File(file)), File.ReadAllBytes(second.File(file)));
        Assert.NotEqual(File.ReadAllBytes(first.File("model.safetensors")), File.ReadAllBytes(other.File("model.safetensors")));

        // Fixed for all time: published figures name a seed.
        using Checkpoint checkpoint = Checkpoint.Open(first.Path);
        Assert.StartsWith("29ce5e1e6da71b14", checkpoint.WeightsSha256(), StringComparison.Ordinal);
    }

    [Fact]
    public void WeightsHaveTheMeanAndSpreadThatTheyShould()
    {
        EncoderConfig config = EncoderSizes.Base;
        var weights = new RandomWeights(config, 3);
        foreach ((string name, float mean, float spread) in ((string, float, float)[])[
            ("encoder.layers.3.attention.q_proj.weight", 0, 1.5f / MathF.Sqrt(768)),
            ("encoder.layers.3.attention.v_proj.weight", 0, 1 / MathF.Sqrt(768)),
            ("encoder.layers.3.attention.out_proj.weight", 0, 0.4f / MathF.Sqrt(768)),
            ("encoder.layers.3.feed_forward.output_dense.weight", 0, 1 / MathF.Sqrt(3072)),
            ("feature_extractor.conv_layers.1.conv.weight", 0, 1.5f / MathF.Sqrt(3 * 512)),
            ("feature_extractor.conv_layers.0.conv.weight", 0, 1.5f / MathF.Sqrt(10)),
            ("encoder.layers.0.attention.rel_attn_embed.weight", 0, 1),
            ("encoder.layers.0.attention.gru_rel_pos_const", 1, 0.5f),
            ("encoder.layers.0.attention.gru_rel_pos_linear.weight", 0, 1 / 8f),
            ("encoder.layer_norm.weight", 1, 0.1f)])
        {
            var values = new float[200_000];
            weights.Fill(name, 0, values);
            double average = values.Average(v => (double)v), deviation = Math.Sqrt(values.Average(v => (v - average) * (v - average)));
            Assert.InRange(average, mean - 0.01 * spread, mean + 0.01 * spread);
            Assert.InRange(deviation, 0.99 * spread, 1.01 * spread);
        }
    }

    [Fact]
    public void AValueDoesNotDependOnHowARunIsCut()
    {
        var weights = new RandomWeights(EncoderSizes.Base, 3);
        float[] whole = new float[1000], part = new float[10], another = new float[10];
        weights.Fill("encoder.layer_norm.weight", 0, whole);
        weights.Fill("encoder.layer_norm.weight", 500, part);
        weights.Fill("encoder.layer_norm.bias", 500, another);
        Assert.Equal(whole[500..510], part);
        Assert.NotEqual(part, another);
    }

    [Theory]
    [InlineData("base", 94_381_936)]
    [InlineData("base-plus", 94_381_936)]
    [InlineData("large", 315_453_120)]
    public void ThePublishedSizesHaveThePublishedParameters(string size, long parameters)
        => Assert.Equal(parameters, EncoderSizes.Parameters(EncoderSizes.Find(size)));

    [Fact]
    public void SizesComeFromAFileToo()
    {
        EncoderConfig config = EncoderSizes.Find(Path.Combine(Fixture.Named("wavlm-small-buckets").ModelPath, "config.json"));
        Assert.Equal((64, 32, 100), (config.Width, config.Buckets, config.MaxBucketDistance));
        Refused.With(() => EncoderSizes.Find("huge"), "no size of this name", "base, base-plus, large or a .json file");
    }

    [Fact]
    public void AFolderWithACheckpointIsLeftAlone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("pytorch_model.bin"), "years of training");
        Refused.With(() => CheckpointInitializer.Write(TinySizes(), 1, folder.Path), "found a checkpoint; expected a folder without one; name another folder");
        Assert.Equal("years of training", File.ReadAllText(folder.File("pytorch_model.bin")));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void ACancelledWriteLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => CheckpointInitializer.Write(TinySizes(), 1, folder.Path, cancelled.Token));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void AFolderThatCannotBeWrittenSaysSo()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        Refused.With(() => CheckpointInitializer.Write(TinySizes(), 1, Path.Combine(folder.Path, "file", "model")), "a folder that cannot be written", "free space");
    }
}
