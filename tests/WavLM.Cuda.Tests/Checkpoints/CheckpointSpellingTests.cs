using System.Security.Cryptography;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>The same weights in every spelling that people have them in.</summary>
public class CheckpointSpellingTests
{
    [Theory]
    [InlineData("wavlm-tiny", CheckpointFormat.HuggingFace, 64, 2, 1, FrontEndNorm.Group, false, 320, 800, 1e-5, 128, 16, 58)]
    [InlineData("wavlm-small-buckets", CheckpointFormat.HuggingFace, 64, 2, 1, FrontEndNorm.Group, false, 32, 100, 1e-6, 16, 4, 58)]
    [InlineData("wavlm-base", CheckpointFormat.HuggingFace, 128, 3, 2, FrontEndNorm.Group, false, 320, 800, 1e-5, 128, 16, 77)]
    [InlineData("wavlm-large-unilm", CheckpointFormat.Unilm, 128, 3, 2, FrontEndNorm.Layer, true, 320, 800, 1e-5, 128, 16, 89)]
    [InlineData("wavlm-base-torchaudio", CheckpointFormat.Torchaudio, 128, 3, 2, FrontEndNorm.Group, false, 320, 800, 1e-5, 128, 16, 76)]
    public void AFixtureOpensWithItsOwnSizes(string name, CheckpointFormat format, int width, int layers, int heads, FrontEndNorm norm, bool preNorm,
        int buckets, int distance, double epsilon, int kernel, int groups, int tensors)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named(name).ModelPath);

        Assert.Equal(format, checkpoint.Format);
        EncoderConfig config = checkpoint.Config;
        Assert.Equal((width, layers, heads, norm, preNorm), (config.Width, config.Layers, config.Heads, config.FrontEndNorm, config.PreNorm));
        Assert.Equal((buckets, distance, epsilon, kernel, groups), (config.Buckets, config.MaxBucketDistance, config.LayerNormEpsilon, config.PositionalKernel, config.PositionalGroups));
        Assert.Equal([5, 2, 2, 2, 2, 2, 2], config.ConvLayers.Select(c => c.Stride));
        Assert.Equal([10, 3, 3, 3, 3, 2, 2], config.ConvLayers.Select(c => c.Kernel));
        Assert.False(config.ConvBias);
        Assert.True(config.Projection);
        Assert.Equal(tensors, checkpoint.Tensors.Count);
        Assert.All(EncoderTensors.Of(config), t => Assert.True(checkpoint.Contains(t.Name)));
        Assert.Equal(format != CheckpointFormat.Torchaudio, checkpoint.Contains("masked_spec_embed"));
    }

    [Fact]
    public void TheHashIsThatOfTheWeightFile()
    {
        string folder = Fixture.Named("wavlm-tiny").ModelPath;
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")))), checkpoint.WeightsSha256());
    }

    [Fact]
    public void TheHashOfShardsIsTakenInOrderOfTheirNames()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteShards(folder, 3));
        byte[] all = [.. Directory.GetFiles(folder.Path, "model-*").Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(all)), checkpoint.WeightsSha256());
    }

    [Fact]
    public void SafetensorsAreReadAsWritten()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Theory]
    [InlineData("model", "safetensors", 6)]
    [InlineData("pytorch_model", "bin", 2)]
    public void ShardsAreReadThroughTheirIndex(string stem, string extension, int shards)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteShards(folder, shards, stem, extension));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Theory]
    [InlineData("archive")]
    [InlineData("pytorch_model")]
    public void PytorchModelBinWithTheOldWeightNormIsTheSameModel(string top)
    {
        using var folder = new TemporaryFolder();
        TestWeights old = TestWeights.Tiny().With(w => w.SpellOldWeightNorm());
        old.WriteTorch(folder.File("pytorch_model.bin"), old.Tensors.Keys, top);
        using Checkpoint checkpoint = Checkpoint.Open(old.WriteConfig(folder));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Fact]
    public void SafetensorsComeBeforeAPytorchModelBin()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("pytorch_model.bin"), "never looked at");
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder));
        Assert.Equal(58, checkpoint.Tensors.Count);
    }

    [Fact]
    public void AHeadModelsPrefixGoesAndItsHeadIsLeftOut()
    {
        using var folder = new TemporaryFolder();
        TestWeights head = TestWeights.Tiny().With(w => w.Rename(n => "wavlm." + n));
        // An x-vector's last linear map has the name of the front end.
        foreach (string name in (string[])["lm_head.weight", "feature_extractor.weight", "feature_extractor.bias", "tdnn.0.kernel.weight", "layer_weights", "projector.bias", "classifier.weight", "objective.weight"])
            head.Tensors.Add(name, ([4], new float[4]));
        using Checkpoint checkpoint = Checkpoint.Open(head.WriteFolder(folder));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Fact]
    public void PartsOfPreTrainingAreLeftOut()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        foreach (string name in (string[])["quantizer.vars", "project_q.weight", "project_hid.weight", "final_proj.bias", "label_embs_concat", "spk_proj.weight", "encoder.layer_norm_for_extract.weight", "loss_calculator.x"])
            weights.Tensors.Add(name, ([4], new float[4]));
        using Checkpoint checkpoint = Checkpoint.Open(weights.WriteFolder(folder));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Fact]
    public void HalfPrecisionIsWidened()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder, StoredType.Float16));
        Assert.All(checkpoint.Tensors, t => Assert.Equal(StoredType.Float16, t.Type));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint, v => (float)(Half)v);
    }

    [Fact]
    public void BrainFloatsAreWidened()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder, StoredType.BFloat16));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint, NearestBrainFloat);
    }

    [Fact]
    public void DoublesAreRoundedOnce()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder, StoredType.Float64));
        TestWeights.AssertSame(TestWeights.Tiny(), checkpoint);
    }

    [Fact]
    public void TorchaudiosStackedProjectionComesApartInItsOrder()
    {
        string path = Fixture.Named("wavlm-base-torchaudio").ModelPath;
        using CheckpointFile file = CheckpointFile.Open(path);
        TorchArchive archive = TorchArchive.Open(file, allowOpaque: false);
        var decoder = new TensorDecoder();
        using Checkpoint checkpoint = Checkpoint.Open(path);
        foreach (string leaf in (string[])["weight", "bias"])
        {
            StoredTensor stacked = archive.Tensors((PickleDict)archive.Root).Single(t => t.Name == $"encoder.transformer.layers.1.attention.attention.in_proj_{leaf}");
            var all = new float[stacked.Count];
            decoder.Read(stacked, all);
            var parts = new List<float>();
            foreach (string projection in (string[])["q_proj", "k_proj", "v_proj"])
            {
                var part = new float[stacked.Count / 3];
                checkpoint.Read($"encoder.layers.1.attention.{projection}.{leaf}", part);
                parts.AddRange(part);
            }
            Assert.Equal(all, parts);
        }
    }

    [Fact]
    public void ATransposedViewIsReadByItsStrides()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        const string Name = "encoder.layers.0.feed_forward.output_dense.weight";
        (long[] shape, float[] values) = weights.Tensors[Name];
        var transposed = new float[values.Length];
        for (long r = 0; r < shape[0]; r++)
            for (long c = 0; c < shape[1]; c++) transposed[c * shape[0] + r] = values[r * shape[1] + c];

        var pickle = new PickleWriter();
        var records = new Dictionary<string, byte[]> { ["data/view"] = System.Runtime.InteropServices.MemoryMarshal.AsBytes(transposed.AsSpan()).ToArray() };
        weights.AddStateDict(pickle, weights.Tensors.Keys.Where(n => n != Name), records);
        pickle.Text(Name).Tensor("FloatStorage", "view", values.Length, 0, shape, [1, shape[0]]).SetItem();
        TestWeights.WriteZip(folder.File("pytorch_model.bin"), "archive", pickle.Stop(), records);

        using Checkpoint checkpoint = Checkpoint.Open(weights.WriteConfig(folder));
        TestWeights.AssertSame(weights, checkpoint);
    }

    [Fact]
    public void ConvBiasIsDecidedByPresence()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        for (int c = 0; c < 7; c++) weights.Tensors.Add($"feature_extractor.conv_layers.{c}.conv.bias", ([32], new float[32]));
        using Checkpoint checkpoint = Checkpoint.Open(weights.WriteFolder(folder));
        Assert.True(checkpoint.Config.ConvBias);
        TestWeights.AssertSame(weights, checkpoint);
    }

    [Fact]
    public void AnEncoderConfigTakesThePlaceOfTheShapes()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Of("wavlm-base");
        weights.Config["max_bucket_distance"] = 640;
        weights.Config["conv_dim"] = new System.Text.Json.Nodes.JsonArray(32, 32, 32, 32, 32, 32, 32);
        weights.WriteConfig(folder);
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-base-torchaudio").ModelPath, folder.File("config.json"));
        Assert.Equal(640, checkpoint.Config.MaxBucketDistance);
    }

    [Fact]
    public void AReadOfTheWrongLengthSaysBothLengths()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-tiny").ModelPath);
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => checkpoint.Read("encoder.layer_norm.weight", new float[63]));
        Assert.Contains("[64] has 64 values, the destination 63", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<KeyNotFoundException>(() => checkpoint.Read("lm_head.weight", new float[1]));
    }

    private static float NearestBrainFloat(float value)
    {
        uint below = BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000;
        (double low, double high) = (BitConverter.UInt32BitsToSingle(below), BitConverter.UInt32BitsToSingle(below + 0x10000));
        double middle = (low + high) / 2;
        bool up = Math.Abs(value) > Math.Abs(middle) || (value == middle && (below & 0x10000) != 0);
        return (float)(up ? high : low);
    }
}
