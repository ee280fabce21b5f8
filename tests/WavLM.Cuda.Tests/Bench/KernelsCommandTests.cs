using System.Runtime.InteropServices;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>`wavlm bench kernels` and `wavlm bench ops`, as a user runs them.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class KernelsCommandTests : IDisposable
{
    private const string Meaningless = "These times are an emulated device's: they mean nothing.";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Kernels_on_the_emulated_device_are_all_run_and_their_times_are_called_meaningless()
    {
        string json = _folder.File("kernels.json");
        Wavlm.Finished run = Wavlm.Run([("WAVLM_CUDA_PATH", Needed.EmulatedDevice), ("XDG_CACHE_HOME", _folder.Path)], "bench", "kernels", "--json", json);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.TrimEnd().Split('\n');
        Assert.Equal(Meaningless, lines[1]);
        Assert.Equal(Meaningless, lines[^1]);
        Assert.Contains(lines, static line => line.StartsWith("gated_attention ", StringComparison.Ordinal) && line.EndsWith('%'));
        BenchResults results = BenchResults.Read(json);
        Assert.True(results.Machine.Emulated);
        Assert.Equal("kernels", results.Command);
        Assert.All(results.Measurements, static measurement => Assert.Equal(("kernels", "fp16"), (measurement.Group, measurement.Precision)));
    }

    [SkippableFact]
    public void Kernels_without_a_GPU_says_why_in_a_line_and_runs_the_operations()
    {
        RequireNoDriver();
        string json = _folder.File("ops.json");
        Wavlm.Finished run = Wavlm.Run("bench", "kernels", "--shapes", "small", "--filter", "^(layer_norm|compact) ", "--json", json);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("wavlm: no GPU, so these are the operations on the CPU: libcuda.so.1, NVIDIA's driver, could not be loaded\n", run.Error);
        BenchResults results = BenchResults.Read(json);
        Assert.Equal(("ops", false), (results.Command, results.Machine.Emulated));
        Assert.Equal(["ops compact base 1x1 fp32 wavlm", "ops layer_norm base 1x1 fp32 wavlm"], results.Measurements.Select(static measurement => measurement.Key).Order(StringComparer.Ordinal).Where(static key => !key.Contains("projection", StringComparison.Ordinal) && !key.Contains("gates", StringComparison.Ordinal)));
        Assert.All(results.Measurements, static measurement => Assert.True(measurement.Seconds.Count >= 20 && measurement.Seconds.All(static seconds => seconds > 0)));
        Assert.Contains(results.Ceilings, static ceiling => ceiling is { Name: "copy", Unit: "byte", PerSecond: > 1e8 });
        Assert.DoesNotContain(Meaningless, run.Output);
    }

    [Fact]
    public void Ops_runs_and_verifies_every_operation_of_the_CPU()
    {
        string json = _folder.File("ops.json");
        Wavlm.Finished run = Wavlm.Finish(Wavlm.Start("bench", "ops", "--shapes", "small", "--precision", "all", "--json", json), TimeSpan.FromMinutes(4));   // a second and a half of every operation where others compute, too

        Assert.True(run.ExitCode == 0, run.Error + run.Output);
        BenchResults results = BenchResults.Read(json);
        Assert.All(results.Measurements, static measurement => Assert.Null(measurement.NotTimed));
        Assert.Contains(results.Measurements, static measurement => measurement is { Name: "linear up gelu", Precision: "fp32", Ceiling: "gemm fp32" });
        if (!CpuInstructions.Have(Precision.Int8)) return;
        Assert.Contains(results.Measurements, static measurement => measurement is { Name: "linear up gelu", Precision: "int8", Ceiling: "gemm int8", RelativeError: > 3e-3 and < 3e-2 });
        Assert.Contains(results.Measurements, static measurement => measurement is { Name: "strided_conv 1", Precision: "int8", Ceiling: "gemm int8", RelativeError: > 3e-3 and < 3e-2 });
        Assert.Contains(results.Measurements, static measurement => measurement is { Name: "gated_attention", Precision: "int8", Ceiling: "gemm bf16" });
        Assert.Equal(["copy", "gemm fp32", "gemm bf16", "gemm int8"], results.Ceilings.Select(static ceiling => ceiling.Name));
    }

    [Fact]
    public void Processes_take_turns_and_their_times_lie_end_to_end()
    {
        string json = _folder.File("ops.json");
        Wavlm.Finished run = Wavlm.Run("bench", "ops", "--shapes", "small", "--filter", "^compact ", "--processes", "3", "--slow", "compact=2", "--json", json);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        BenchResults results = BenchResults.Read(json);
        Assert.Equal(3, results.Processes);
        Measurement compact = Assert.Single(results.Measurements);
        Assert.Equal(3 * 4 * 6, compact.Seconds.Count);   // twelve turns among three, of six samples
        Assert.Equal(3 * 4 * 6, Assert.Single(results.Ceilings).Seconds.Count);
        Assert.Single(results.Notes, static note => note.Contains("compact was made 2 times as slow on purpose", StringComparison.Ordinal));   // what is asked for reaches them, and is said once
        Assert.Contains(run.Output.Split('\n'), static line => line.StartsWith("compact  ", StringComparison.Ordinal) && line.EndsWith('%'));
    }

    [Fact]
    public void What_a_process_refuses_is_said_once()
    {
        Wavlm.Finished run = Wavlm.Run("bench", "ops", "--filter", "nothing", "--processes", "2");

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.StartsWith("wavlm: no benchmark's name and case match nothing", Assert.Single(run.Error.TrimEnd().Split('\n')));
    }

    [Fact]
    public void What_cannot_be_measured_is_refused()
    {
        (string Expected, string[] Arguments)[] refused =
        [
            ("--shapes huge: expected small, usual or all", ["kernels", "--shapes", "huge"]),
            ("not a regular expression", ["ops", "--filter", "("]),
            ("no benchmark's name and case match nothing; the names are normalize_waveform,", ["ops", "--filter", "nothing"]),
            ("--device cpu: expected auto, cuda or cuda:N; wavlm bench ops is for the CPU", ["kernels", "--device", "cpu"]),
            ("precision fp16 is computed on CUDA alone", ["ops", "--precision", "fp16"]),
            ("--slow layer_norm: expected NAME=FACTOR", ["ops", "--slow", "layer_norm"]),
            ("--threads 0: expected 1 or more", ["ops", "--threads", "0"]),
            ("--processes 0: expected 1 or more", ["ops", "--processes", "0"]),
        ];
        foreach ((string expected, string[] arguments) in refused)
        {
            Wavlm.Finished run = Wavlm.Run(["bench", .. arguments]);
            Assert.Equal((2, ""), (run.ExitCode, run.Output));
            Assert.Contains(expected, run.Error);
        }
    }

    private static void RequireNoDriver()
    {
        if (!NativeLibrary.TryLoad("libcuda.so.1", out nint driver)) return;
        NativeLibrary.Free(driver);
        Skip.If(true, "this machine has NVIDIA's driver");
    }
}
