using System.Text.Json.Nodes;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Checkpoints;

public class FeatureConventionTests
{
    public enum Preprocessor { Missing, WithoutTheKey, No, Yes }

    [Theory]
    [InlineData(Preprocessor.Yes, "group", true, "preprocessor_config.json")]
    [InlineData(Preprocessor.No, "layer", false, "preprocessor_config.json")]
    [InlineData(Preprocessor.WithoutTheKey, "group", true, "preprocessor_config.json")]
    [InlineData(Preprocessor.Missing, "group", false, "feat_extract_norm (no preprocessor_config.json)")]
    [InlineData(Preprocessor.Missing, "layer", true, "feat_extract_norm (no preprocessor_config.json)")]
    public void HuggingFaceFollowsThePreprocessor(Preprocessor preprocessor, string norm, bool normalize, string source)
    {
        using var folder = new TemporaryFolder();
        using Checkpoint checkpoint = Folder(folder, preprocessor, norm);
        FeatureConvention convention = FeatureConvention.Resolve(Convention.HuggingFace, checkpoint);
        Assert.Equal((normalize, source, 1e-7, true), (convention.Normalize, convention.NormalizeSource, convention.Epsilon, convention.FinalNorm));
    }

    [Theory]
    [InlineData(Convention.S3prlHub, "group", false, true)]
    [InlineData(Convention.S3prlHub, "layer", true, true)]
    [InlineData(Convention.Unilm, "group", false, false)]
    [InlineData(Convention.Unilm, "layer", true, false)]
    [InlineData(Convention.Torchaudio, "group", false, false)]
    [InlineData(Convention.Torchaudio, "layer", true, false)]
    public void OthersTakeAHuggingFaceFoldersFrontEndWhateverThePreprocessorSays(Convention wanted, string norm, bool normalize, bool finalNorm)
    {
        foreach (Preprocessor preprocessor in Enum.GetValues<Preprocessor>())
        {
            using var folder = new TemporaryFolder();
            using Checkpoint checkpoint = Folder(folder, preprocessor, norm);
            FeatureConvention convention = FeatureConvention.Resolve(wanted, checkpoint);
            Assert.Equal((normalize, "feat_extract_norm", 1e-5, finalNorm), (convention.Normalize, convention.NormalizeSource, convention.Epsilon, convention.FinalNorm));
        }
    }

    [Theory]
    [InlineData(Convention.HuggingFace, 1e-7, true)]
    [InlineData(Convention.S3prlHub, 1e-5, true)]
    [InlineData(Convention.Unilm, 1e-5, false)]
    [InlineData(Convention.Torchaudio, 1e-5, false)]
    public void AUnilmFileFollowsItsCfg(Convention wanted, double epsilon, bool finalNorm)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-large-unilm").ModelPath);
        FeatureConvention convention = FeatureConvention.Resolve(wanted, checkpoint);
        Assert.Equal((true, "cfg.normalize", epsilon, finalNorm), (convention.Normalize, convention.NormalizeSource, convention.Epsilon, convention.FinalNorm));
        Assert.Equal($"convention {FeatureConvention.CommandLineName(wanted)}", convention.FinalNormSource);
    }

    [Theory]
    [InlineData(Convention.HuggingFace)]
    [InlineData(Convention.Torchaudio)]
    public void ATorchaudioFileFollowsItsFrontEnd(Convention wanted)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-base-torchaudio").ModelPath);
        FeatureConvention convention = FeatureConvention.Resolve(wanted, checkpoint);
        Assert.Equal((false, "feat_extract_norm"), (convention.Normalize, convention.NormalizeSource));
        Assert.Equal("post-norm model", convention.FinalNormSource);
    }

    [Fact]
    public void OverridesComeFirstAndAreNamed()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-large-unilm").ModelPath);
        FeatureConvention convention = FeatureConvention.Resolve(Convention.HuggingFace, checkpoint, normalize: false, finalNorm: false);
        Assert.Equal((false, "--normalize", false, "--final-norm"), (convention.Normalize, convention.NormalizeSource, convention.FinalNorm, convention.FinalNormSource));
        Assert.Equal("hf: waveform as it is (--normalize), last layer before the final norm (--final-norm)", convention.Describe());
    }

    [Fact]
    public void DescribeStatesEpsilonDecisionAndSource()
    {
        using Checkpoint large = Checkpoint.Open(Fixture.Named("wavlm-large-unilm").ModelPath), tiny = Checkpoint.Open(Fixture.Named("wavlm-tiny").ModelPath);
        Assert.Equal("unilm: waveform normalised, eps 1E-5 (cfg.normalize), last layer before the final norm (convention unilm)", FeatureConvention.Resolve(Convention.Unilm, large).Describe());
        Assert.Equal("hf: waveform as it is (preprocessor_config.json)", FeatureConvention.Resolve(Convention.HuggingFace, tiny).Describe());
    }

    [Theory]
    [InlineData("hf", Convention.HuggingFace)]
    [InlineData("s3prl-hub", Convention.S3prlHub)]
    [InlineData("unilm", Convention.Unilm)]
    [InlineData("torchaudio", Convention.Torchaudio)]
    public void NamesGoBothWays(string name, Convention convention)
    {
        Assert.True(FeatureConvention.TryParse(name, out Convention parsed));
        Assert.Equal(convention, parsed);
        Assert.Equal(name, FeatureConvention.CommandLineName(convention));
        Assert.Contains(name, FeatureConvention.CommandLineNames);
        Assert.False(FeatureConvention.TryParse("HF", out _));
    }

    private static Checkpoint Folder(TemporaryFolder folder, Preprocessor preprocessor, string norm)
    {
        TestWeights weights = TestWeights.Tiny();
        weights.Config["feat_extract_norm"] = norm;
        if (norm == "layer")
            for (int c = 1; c < 7; c++)
                foreach (string leaf in (string[])["weight", "bias"]) weights.Tensors.Add($"feature_extractor.conv_layers.{c}.layer_norm.{leaf}", ([32], new float[32]));
        if (preprocessor != Preprocessor.Missing)
        {
            var json = new JsonObject { ["sampling_rate"] = 16000 };
            if (preprocessor != Preprocessor.WithoutTheKey) json["do_normalize"] = preprocessor == Preprocessor.Yes;
            File.WriteAllText(folder.File("preprocessor_config.json"), json.ToJsonString());
        }
        return Checkpoint.Open(weights.WriteFolder(folder));
    }
}
