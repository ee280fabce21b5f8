using WavLM.Cuda.Bench.Passes;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>`wavlm bench encode` and `wavlm bench files`, as a user runs them, on a model for tests.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class PassBenchmarksTests : IDisposable
{
    private static readonly string Model = Fixture.Named("wavlm-tiny").ModelPath;

    private readonly TemporaryFolder _folder = new();

    private string Json => Path.Combine(_folder.Path, "results.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_pass_on_the_CPU_is_told_stage_by_stage()
    {
        Wavlm.Finished run = Wavlm.Run("bench", "encode", "--device", "cpu", "--model", Model, "--load", "2x0.5", "--runs", "4", "--json", Json);

        Assert.True(run.ExitCode == 0, run.Error);
        BenchResults results = BenchResults.Read(Json);
        Assert.False(results.Machine.Emulated);
        Assert.Equal(["copy", "gemm fp32"], results.Ceilings.Select(static ceiling => ceiling.Name));
        AssertTold(Assert.Single(results.Measurements), "model 2x0.5", "fp32", runs: 4, audioSeconds: 1);
        Assert.StartsWith(results.Machine.DeviceSet, run.Output);
        Assert.Contains("x real time", run.Output);
        Assert.DoesNotContain("emulated", run.Output);
    }

    [SkippableFact]
    public void A_pass_on_an_emulated_device_is_labelled_as_meaningless()
    {
        Wavlm.Finished run = Wavlm.Run([("WAVLM_CUDA_PATH", Needed.EmulatedDevice)],
            "bench", "encode", "--device", "cuda", "--precision", "fp16", "--model", Model, "--load", "1x0.3", "--load", "2x0.2", "--runs", "3", "--own-algorithms", "--json", Json);

        Assert.True(run.ExitCode == 0, run.Error);
        BenchResults results = BenchResults.Read(Json);
        Assert.True(results.Machine.Emulated);
        Assert.Equal(["copy", "gemm fp16", "gemm fp32"], results.Ceilings.Select(static ceiling => ceiling.Name));
        string[] wanted = [EncodeBenchmark.Usual, EncodeBenchmark.WithItsOwnAlgorithms];
        Assert.Equal([.. wanted, .. wanted], results.Measurements.Select(static pass => pass.Name));
        Assert.All(results.Measurements.Take(2), static pass => AssertTold(pass, "model 1x0.3", "fp16", runs: 3, audioSeconds: 0.3));
        const string Label = "the device is emulated: its times say nothing about any GPU";
        Assert.Equal([Label], results.Notes);
        Assert.Equal(2, run.Output.Split(Label).Length - 1);   // before the times and behind them
    }

    [Fact]
    public void From_files_to_files_every_part_is_told()
    {
        string recordings = Fixture.AudioPath("medium");
        Wavlm.Finished run = Wavlm.Run("bench", "files", "--device", "cpu", "--model", Model, "--load", "5x0.4", "--runs", "2", "--json", Json, recordings);

        Assert.True(run.ExitCode == 0, run.Error);
        Measurement files = Assert.Single(BenchResults.Read(Json).Measurements);
        Assert.Equal("files files model 5 files fp32 wavlm", files.Key);
        Assert.Equal(2, files.Seconds.Count);
        Assert.Equal(2, files.AudioSeconds!.Value, 1e-3);
        Assert.Equal(["decode, on a thread of its own", "compute", "copy and host", "write, on a thread of its own"], files.Stages.Select(static stage => stage.Name));
        Assert.All(files.Stages.Where(static stage => stage.Name != "copy and host"), static stage => Assert.True(stage.Seconds > 0, stage.Name));
    }

    [Theory]
    [InlineData("--load 3", "--load 3: expected UTTERANCESxSECONDS such as 64x15, mixed or hour")]
    [InlineData("--runs 0", "--runs 0: expected at least 1")]
    [InlineData("--threads 0", "--threads 0: expected at least 1")]
    [InlineData("--own-algorithms", "--own-algorithms: on the CPU nothing is chosen by rows; leave it out")]
    public void What_cannot_be_measured_is_refused(string arguments, string message)
    {
        Wavlm.Finished run = Wavlm.Run(["bench", "encode", "--device", "cpu", "--model", Model, .. arguments.Split(' ')]);
        Assert.Equal((2, $"wavlm: {message}\n"), (run.ExitCode, run.Error));
    }

    [Fact]
    public void Files_without_a_recording_are_refused()
    {
        Wavlm.Finished run = Wavlm.Run("bench", "files", "--device", "cpu", "--model", Model, "no-such-folder");
        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("wavlm: no-such-folder: ", run.Error);
    }

    private static void AssertTold(Measurement pass, string load, string precision, int runs, double audioSeconds)
    {
        Assert.Equal(("encode", load, precision, runs), (pass.Group, pass.Case, pass.Precision, pass.Seconds.Count));
        Assert.Equal(audioSeconds, pass.AudioSeconds!.Value, 1e-9);
        Assert.True(pass.PeakBytes > 0);
        // Every stage that there is work for was met, and nothing else but what no formula needs.
        using Checkpoint checkpoint = Checkpoint.Open(Model);
        Load parsed = Load.Parse(load.Split(' ')[1]);
        IEnumerable<string> worked = EncoderWork.Of(checkpoint.Config, parsed.Samples, Precision.Float32).Select(static stage => stage.Stage);
        Assert.Equal([.. worked.Append("compact").Append("host and copies").Order(StringComparer.Ordinal)], pass.Stages.Select(static stage => stage.Name).Order(StringComparer.Ordinal));
        Assert.All(pass.Stages.SkipLast(1), static stage => Assert.True(stage.Seconds > 0, stage.Name));
        Assert.Equal(pass.Flops!.Value, pass.Stages.Sum(static stage => stage.Flops ?? 0), pass.Flops!.Value * 1e-9);
    }
}
