using System.Diagnostics;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>The comparison with other engines, which runs in Debian's Python: `make bench-peers-tiny`, and its own tests.</summary>
public sealed class PeersTests
{
    private const string Python = "/usr/bin/python3";

    private static readonly string Root = Path.GetDirectoryName(Path.GetDirectoryName(Wavlm.Command)!)!;

    [SkippableFact]
    public void Tiny_comparison_times_ours_and_says_why_others_are_not_timed()
    {
        NeedsPyTorch();
        using TemporaryFolder folder = new();
        string json = Path.Combine(folder.Path, "tiny.json");

        Wavlm.Finished run = Run("bench/peers/compare.py", "--device", "cpu", "--tiny", "--wavlm", Wavlm.Command,
            "--audio", "tests/fixtures/audio", "--work", folder.Path, "--out", json);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        BenchResults results = BenchResults.Read(json);
        Assert.Equal("peers", results.Command);
        Assert.All(results.Measurements, measurement => Assert.True(measurement.Seconds.Count > 0 ^ measurement.NotTimed is not null, measurement.Key));
        Assert.DoesNotContain(results.Measurements, measurement => measurement.NotTimed?.Contains("other features", StringComparison.Ordinal) == true);
        Assert.Equal(results.Measurements.Count, results.Measurements.Select(measurement => measurement.Key).Distinct().Count());

        // Both flavours; on waveforms of one length and of several; float32, bfloat16 and int8.
        Assert.Equal(12, results.Measurements.Count(measurement => measurement.Runner == "wavlm" && measurement.Seconds.Count > 0));
        Assert.Equal(4, results.Measurements.Count(measurement => measurement.Runner == "torch padded 2" && measurement.Seconds.Count > 0));
        // FlexAttention is not in Debian's PyTorch; the encoder around it is the same, and its features are compared.
        Assert.Equal(8, results.Measurements.Count(measurement => measurement.Runner == "flex" && measurement.RelativeError < 0.1));
    }

    [SkippableFact]
    public void Misbehaving_engines_are_not_timed()
    {
        NeedsPyTorch();

        Wavlm.Finished run = Run("-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "tests/peers");

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("OK", run.Error, StringComparison.Ordinal);
    }

    private static void NeedsPyTorch()
    {
        Needed.Present(File.Exists(Python), $"no {Python}");
        Wavlm.Finished found = Run("-c", "import numpy, torch");
        Needed.Present(found.ExitCode == 0, "python3-numpy or python3-torch is not installed: ./setup.sh reference");
    }

    private static Wavlm.Finished Run(params string[] arguments)
    {
        ProcessStartInfo start = new(Python, arguments) { WorkingDirectory = Root, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        return Wavlm.Finish(Process.Start(start)!);
    }
}
