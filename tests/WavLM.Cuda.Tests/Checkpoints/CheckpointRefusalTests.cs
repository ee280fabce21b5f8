using System.Text.Json.Nodes;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>Checkpoints that are not there, not whole or not of this model: what the user is told.</summary>
public class CheckpointRefusalTests
{
    [Fact]
    public void AMissingPathSaysSo()
    {
        using var folder = new TemporaryFolder();
        Refused.Opening(folder.File("nowhere"), "nowhere: found no such file", "check the path");
    }

    [Fact]
    public void AFolderWithoutAConfigSaysWhatAFolderHolds()
    {
        using var folder = new TemporaryFolder();
        Refused.Opening(folder.Path, "found no config.json", "--encoder-config");
    }

    [Fact]
    public void AFolderWithoutWeightsNamesTheFilesThatItLookedFor()
    {
        using var folder = new TemporaryFolder();
        Refused.Opening(TestWeights.Tiny().WriteConfig(folder), "found no weights",
            "model.safetensors, model.safetensors.index.json, pytorch_model.bin or pytorch_model.bin.index.json", "fetch the weights into the folder");
    }

    [Fact]
    public void AWeightFileAloneIsNotEnough()
        => Refused.Opening(Path.Combine(Fixture.Named("wavlm-tiny").ModelPath, "model.safetensors"), "a file of weights", "give the folder");

    [Fact]
    public void TruncatedSafetensorsSayWhichTensorIsCut()
    {
        using var folder = new TemporaryFolder();
        string path = TestWeights.Tiny().WriteFolder(folder);
        using (FileStream file = File.OpenWrite(folder.File("model.safetensors"))) file.SetLength(file.Length / 2);
        Refused.Opening(path, "model.safetensors: found ", "bytes of values", "it looks cut short");
    }

    [Fact]
    public void AFileThatShrinksAfterwardsIsAnErrorOnReading()
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Checkpoint.Open(TestWeights.Tiny().WriteFolder(folder));
        using (FileStream file = new(folder.File("model.safetensors"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(10_000);
        Refused.With(() => checkpoint.Read("masked_spec_embed", new float[64]), "an end at", "do not change the file while it is read");
    }

    [Fact]
    public void MissingExtraAndMisshapenTensorsAreListedAtOnce()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        weights.Tensors.Remove("encoder.layer_norm.bias");
        weights.Tensors.Remove("encoder.layers.1.attention.gru_rel_pos_const");
        weights.Tensors.Add("encoder.layers.7.final_layer_norm.bias", ([64], new float[64]));
        weights.Tensors.Add("mystery", ([1], new float[1]));
        weights.Tensors["encoder.layer_norm.weight"] = ([65], new float[65]);
        weights.Tensors["masked_spec_embed"] = ([2, 32], new float[64]);
        Refused.Opening(weights.WriteFolder(folder),
            "2 missing: encoder.layer_norm.bias, encoder.layers.1.attention.gru_rel_pos_const;",
            "2 not part of this model: encoder.layers.7.final_layer_norm.bias, mystery",
            "2 of another shape: encoder.layer_norm.weight [65] instead of [64], masked_spec_embed [2, 32] instead of [64]",
            "check that config and weights belong together");
    }

    [Fact]
    public void NamesOfTheFileStandInTheMessage()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny().With(w => w.SpellOldWeightNorm());
        weights.Tensors["encoder.pos_conv_embed.conv.weight_g"] = ([1, 1, 4], new float[4]);
        Refused.Opening(weights.WriteFolder(folder), "1 of another shape: encoder.pos_conv_embed.conv.weight_g [1, 1, 4] instead of [1, 1, 128]");
    }

    [Fact]
    public void OneTensorInTwoSpellingsIsRefused()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        weights.Tensors.Add("encoder.pos_conv_embed.conv.weight_g", ([1, 1, 128], new float[128]));
        Refused.Opening(weights.WriteFolder(folder), "encoder.pos_conv_embed.conv.weight_g, both encoder.pos_conv_embed.conv.parametrizations.weight.original0", "one tensor a name");
    }

    [Fact]
    public void IntegersAreNoWeights()
    {
        using var folder = new TemporaryFolder();
        TestWeights weights = TestWeights.Tiny();
        var pickle = new PickleWriter();
        var records = new Dictionary<string, byte[]> { ["data/long"] = new byte[64 * 8] };
        weights.AddStateDict(pickle, weights.Tensors.Keys.Where(n => n != "encoder.layer_norm.bias"), records);
        pickle.Text("encoder.layer_norm.bias").Tensor("LongStorage", "long", 64, 0, [64], [1]).SetItem();
        TestWeights.WriteZip(folder.File("pytorch_model.bin"), "archive", pickle.Stop(), records);
        Refused.Opening(weights.WriteConfig(folder), "1 not stored as floats: encoder.layer_norm.bias");
    }

    [Fact]
    public void AMissingShardIsNamed()
    {
        using var folder = new TemporaryFolder();
        string path = TestWeights.Tiny().WriteShards(folder, 3);
        File.Delete(folder.File("model-00002-of-00003.safetensors"));
        Refused.Opening(path, "model-00002-of-00003.safetensors: found no such file", "the shard that model.safetensors.index.json lists");
    }

    [Fact]
    public void ATensorInAnotherShardThanTheIndexSaysIsNamed()
    {
        using var folder = new TemporaryFolder();
        string path = TestWeights.Tiny().WriteShards(folder, 3);
        string index = folder.File("model.safetensors.index.json");
        JsonObject json = JsonNode.Parse(File.ReadAllText(index))!.AsObject();
        json["weight_map"]!["encoder.layer_norm.bias"] = "model-00003-of-00003.safetensors";
        json["weight_map"]!["lm_head.bias"] = "model-00001-of-00003.safetensors";
        File.WriteAllText(index, json.ToJsonString());
        Refused.Opening(path, "encoder.layer_norm.bias not in model-00003-of-00003.safetensors, lm_head.bias not in model-00001-of-00003.safetensors");
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("")]
    public void AShardLiesBesideItsIndex(string shard)
    {
        using var folder = new TemporaryFolder();
        string path = TestWeights.Tiny().WriteConfig(folder);
        File.WriteAllText(folder.File("model.safetensors.index.json"), new JsonObject { ["weight_map"] = new JsonObject { ["a"] = shard } }.ToJsonString());
        Refused.Opening(path, $"the shard \"{shard}\"", "names of files in the same folder");
    }

    [Fact]
    public void AnIndexHoldsAWeightMap()
    {
        using var folder = new TemporaryFolder();
        string path = TestWeights.Tiny().WriteConfig(folder);
        File.WriteAllText(folder.File("model.safetensors.index.json"), "{}");
        Refused.Opening(path, "no weight_map");
    }

    [Fact]
    public void AForbiddenGlobalInAPytorchModelBinIsNamed()
    {
        using var folder = new TemporaryFolder();
        TestWeights.WriteZip(folder.File("pytorch_model.bin"), "archive", new PickleWriter().Global("os", "system").Text("id").Raw(0x85).Reduce().Stop(), []);
        Refused.Opening(TestWeights.Tiny().WriteConfig(folder), "pytorch_model.bin: found a pickle that names os.system");
    }

    [Fact]
    public void AModelForAnotherSamplingRateIsRefused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("preprocessor_config.json"), """{"sampling_rate": 8000}""");
        Refused.Opening(TestWeights.Tiny().WriteFolder(folder), "preprocessor_config.json: found sampling_rate 8000; expected 16000");
    }
}
