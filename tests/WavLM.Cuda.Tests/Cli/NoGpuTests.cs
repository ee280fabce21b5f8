using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Cuda;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>What the command says where there is no GPU, or not all that it needs for one.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class NoGpuTests(ITestOutputHelper output) : IDisposable
{
    private const int Tries = 3;   // other programs of the machine cost time, too: the fastest counts

    private static readonly TimeSpan AtMost = TimeSpan.FromSeconds(1);

    private static readonly string[] Places = ["WAVLM_CUDA_PATH: not set", "the loader's folders for libcuda.so.1: ", "/usr/local/cuda*/lib64: ", "/usr/local/nvidia/lib*: "];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Cuda_without_a_driver_is_refused_in_no_time_by_name_and_with_every_place()
    {
        RequireNoDriver();
        Wavlm.Finished run = Timed("extract", "--device", "cuda", "--model", Model, "--out", Out("cuda"), Audio);

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.StartsWith("wavlm: libcuda.so.1, NVIDIA's driver, could not be loaded. Tried:\n", run.Error);
        Assert.All(Places, place => Assert.Contains($"\n  {place}", run.Error));
        Assert.False(Directory.Exists(Out("cuda")));
    }

    [SkippableFact]
    public void Doctor_without_a_driver_says_what_is_missing_and_where_it_was_looked_for()
    {
        RequireNoDriver();
        Wavlm.Finished run = Timed("doctor");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("libcuda.so.1", run.Error);
        Assert.All(Places, place => Assert.Contains(place, run.Output + run.Error));
    }

    [SkippableFact]
    public void Auto_computes_on_the_CPU_and_says_so_once()
    {
        RequireNoDriver();
        Wavlm.Finished auto = Wavlm.Run("extract", "--device", "auto", "--model", Model, "--out", Out("auto"), Audio);
        Wavlm.Finished cpu = Wavlm.Run("extract", "--device", "cpu", "--model", Model, "--out", Out("cpu"), Audio);

        Assert.Equal((0, 0), (auto.ExitCode, cpu.ExitCode));
        string[] more = [.. Lines(auto).Except(Lines(cpu)).Where(static line => !line.Contains("written", StringComparison.Ordinal))];
        Assert.Equal(["wavlm: computing on the CPU: libcuda.so.1, NVIDIA's driver, could not be loaded"], more);
        Assert.Single(Lines(auto), static line => line.Contains("CPU", StringComparison.Ordinal));
        Assert.DoesNotContain("CPU", cpu.Error);
        Assert.Equal(Directory.GetFiles(Out("cpu"), "*.npy").Select(File.ReadAllBytes), Directory.GetFiles(Out("auto"), "*.npy").Select(File.ReadAllBytes));
    }

    [SkippableFact]
    public void Fp16_is_refused_where_auto_comes_to_the_CPU_and_named_are_what_it_computes_in()
    {
        RequireNoDriver();
        Wavlm.Finished run = Timed("extract", "--precision", "fp16", "--model", Model, "--out", Out("fp16"), Audio);

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        string line = Assert.Single(Lines(run));
        Assert.StartsWith("wavlm: precision fp16 is computed on CUDA alone, and there is none (libcuda.so.1, NVIDIA's driver, could not be loaded); the CPU computes in fp32, bf16 or int8", line);
        Assert.False(Directory.Exists(Out("fp16")));
    }

    [SkippableFact]
    public void Where_auto_comes_to_the_CPU_each_of_its_precisions_is_computed_in_and_auto_is_fp32()
    {
        RequireNoDriver();
        foreach ((string asked, string computed) in (ReadOnlySpan<(string, string)>)[("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16"), ("int8", "int8")])
        {
            if (Precisions.Parse(asked) is { } precision && !CpuInstructions.Have(precision)) continue;   // refused there, which is the CPU backend's to say
            Wavlm.Finished run = Wavlm.Run("extract", "--precision", asked, "--model", Model, "--out", Out(asked), Audio);
            Assert.True(run.ExitCode == 0, run.Error);
            Assert.Contains($"\"precision\":\"{computed}\"", File.ReadAllText(Path.Combine(Out(asked), "manifest.jsonl")));
        }
    }

    [SkippableFact]
    public void A_device_beyond_the_last_is_refused_with_their_number()
    {
        Wavlm.Finished run = Wavlm.Run([("WAVLM_CUDA_PATH", Needed.EmulatedDevice)], "extract", "--device", "cuda:7", "--model", Model, "--out", Out("7"), Audio);

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains("there is no CUDA device 7: the driver sees 1", run.Error);
    }

    [SkippableTheory]
    [InlineData("extract")]
    [InlineData("doctor")]
    public void A_driver_without_the_compiler_is_refused_by_the_compilers_name(string command)
    {
        string driver = _folder.File("driver/libcuda.so.1");
        File.CreateSymbolicLink(driver, Path.Combine(Needed.EmulatedDevice, "libcuda.so.1"));
        string[] arguments = command == "doctor" ? ["doctor"] : ["extract", "--device", "cuda", "--model", Model, "--out", Out("nvrtc"), Audio];
        Wavlm.Finished run = Wavlm.Run([("WAVLM_CUDA_PATH", Path.GetDirectoryName(driver)!)], arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("libnvrtc.so", run.Error);
        Assert.DoesNotContain("libcuda.so.1", run.Error);
    }

    private static string Model => Fixture.Named("wavlm-tiny").ModelPath;

    private static string Audio => Fixture.AudioPath("two-frames");

    private static string[] Lines(Wavlm.Finished run) => run.Error.TrimEnd().Split('\n');

    private static void RequireNoDriver()
    {
        if (!NativeLibrary.TryLoad("libcuda.so.1", out nint driver)) return;
        NativeLibrary.Free(driver);
        Skip.If(true, "this machine has NVIDIA's driver");
    }

    private Wavlm.Finished Timed(params string[] arguments)
    {
        (TimeSpan Time, Wavlm.Finished Run)[] runs = [.. Enumerable.Range(0, Tries).Select(_ =>
        {
            Stopwatch watch = Stopwatch.StartNew();
            Wavlm.Finished run = Wavlm.Run(arguments);
            return (watch.Elapsed, run);
        })];
        (TimeSpan fastest, Wavlm.Finished run) = runs.MinBy(static run => run.Time);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{fastest.TotalSeconds:F2} s"));
        Assert.True(fastest < AtMost, $"{fastest}, expected less than {AtMost}");
        return run;
    }

    private string Out(string name) => Path.Combine(_folder.Path, name);
}
