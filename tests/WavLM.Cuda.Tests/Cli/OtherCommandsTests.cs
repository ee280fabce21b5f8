namespace WavLM.Cuda.Tests.Cli;

public sealed class OtherCommandsTests(TinyModel tiny) : IClassFixture<TinyModel>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Info_says_what_the_checkpoint_is_and_what_conventions_make_of_it()
    {
        Wavlm.Finished run = Wavlm.Run("info", tiny.Model);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n');
        Assert.Contains("format:         Hugging Face folder", lines);
        Assert.Contains("family:         wavlm", lines);
        Assert.Contains("layers:         2, post-norm", lines);
        Assert.Contains("heads:          2 of 32", lines);
        Assert.Contains("front end:      7 convolutions of 32, GroupNorm after the first, no biases", lines);
        Assert.Contains("frames:         50 a second, each sees 400 samples", lines);
        Assert.Contains(lines, line => line.StartsWith("hf ", StringComparison.Ordinal) && line.Contains("preprocessor_config.json"));
        Assert.Contains(lines, line => line.StartsWith("s3prl-hub ", StringComparison.Ordinal) && line.Contains("feat_extract_norm"));
    }

    [Fact]
    public void Init_writes_the_same_bytes_for_the_same_seed_and_never_over_a_checkpoint()
    {
        string config = Path.Combine(tiny.Model, "config.json"), again = Path.Combine(_folder.Path, "again"), other = Path.Combine(_folder.Path, "other");

        Assert.Equal(0, Wavlm.Run("init", "--size", config, "--seed", "1", "--out", again).ExitCode);
        Assert.Equal(0, Wavlm.Run("init", "--size", config, "--seed", "2", "--out", other).ExitCode);
        Wavlm.Finished over = Wavlm.Run("init", "--size", config, "--seed", "2", "--out", again);

        byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(folder, "model.safetensors"));
        Assert.Equal(Weights(tiny.Model), Weights(again));
        Assert.NotEqual(Weights(again), Weights(other));
        Assert.Equal(2, over.ExitCode);
        Assert.Contains("found a checkpoint; expected a folder without one", over.Error);
    }

    [Fact]
    public void Unknown_sizes_models_and_commands_are_refused()
    {
        Wavlm.Finished size = Wavlm.Run("init", "--size", "huge", "--out", _folder.File("x"));
        Wavlm.Finished model = Wavlm.Run("info", _folder.File("nowhere"));
        Wavlm.Finished command = Wavlm.Run("dance");
        Wavlm.Finished nothing = Wavlm.Run();

        Assert.All([size, model, command, nothing], run => Assert.Equal((2, ""), (run.ExitCode, run.Output)));
        Assert.Contains("huge: found no size of this name; expected base, base-plus, large", size.Error);
        Assert.Contains("nowhere", model.Error);
        Assert.Contains("'dance'", command.Error);
        Assert.Contains("see wavlm --help", nothing.Error);
        Assert.EndsWith("wavlm: see wavlm bench ops --help\n", Wavlm.Run("bench", "ops", "linear").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_shows_defaults_and_examples_and_the_version_is_a_line()
    {
        Wavlm.Finished help = Wavlm.Run("extract", "--help"), version = Wavlm.Run("--version");

        Assert.Equal((0, 0), (help.ExitCode, version.ExitCode));
        Assert.Contains("[default: last]", help.Output);
        Assert.Contains("Examples:", help.Output);
        Assert.Matches(@"^\d+\.\d+\.\d+\s*$", version.Output);
    }
}
