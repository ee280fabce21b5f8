using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>`wavlm doctor` on the emulated device. Where there is no GPU at all, tests/portable/chroot.sh asks it.</summary>
[UnsupportedOSPlatform("windows")]
public sealed partial class DoctorCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Says_what_there_is_and_tests_every_operation_against_the_CPU()
    {
        Wavlm.Finished run = Doctor([]);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"(?m)^driver +/.*libcuda-on-cpu\.so \(emulated\)$", run.Output);
        Assert.Matches(@"(?m)^device 0 +Emulated sm_80, sm_80, 108 multiprocessors, .* of memory$", run.Output);
        Assert.Matches("(?m)^compiled for +sm_80$", run.Output);
        Assert.DoesNotContain("warning", run.Output);
        Assert.Equal(
            ["compact", "first_conv", "gated_attention", "group_norm_fold", "layer_norm", "linear", "nearest_centroid", "normalize_waveform", "pool", "positional_conv", "strided_conv", "weighted_sum"],
            Tested("fp32"));
        Assert.Equal(["first_conv", "gated_attention", "layer_norm", "linear", "positional_conv", "strided_conv"], Tested("fp16"));
        Assert.DoesNotContain("FAILED", run.Output);

        string[] Tested(string precision) => [.. SelfTest().Matches(run.Output)
            .Where(line => line.Groups[1].Value == precision).Select(line => line.Groups[2].Value).Distinct().Order(StringComparer.Ordinal)];
    }

    [SkippableFact]
    public void Says_why_the_kernel_cache_is_refused_and_warns_of_what_changes_float32()
    {
        string product = Directory.CreateDirectory(Path.Combine(_folder.Path, "wavlm-cuda")).FullName;
        File.SetUnixFileMode(product, File.GetUnixFileMode(product) | UnixFileMode.OtherWrite);

        Wavlm.Finished run = Doctor(["--device", "cuda:7"], ("NVIDIA_TF32_OVERRIDE", "1"));

        Assert.Equal(2, run.ExitCode);
        Assert.Matches("(?m)^warning +NVIDIA_TF32_OVERRIDE=1 is set: .*; unset it$", run.Output);
        Assert.Matches("(?m)^kernel cache +none, every start compiles: .*wavlm-cuda: others than its owner may write to it", run.Output);
        Assert.Contains("no usable GPU: there is no CUDA device 7: the driver sees 1", run.Error);
    }

    [Fact]
    public void Other_devices_are_refused()
    {
        Wavlm.Finished run = Wavlm.Run("doctor", "--device", "cpu");

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains("--device cpu: expected cuda or cuda:N", run.Error);
    }

    private Wavlm.Finished Doctor(string[] options, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(Wavlm.Command, ["doctor", .. options]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WAVLM_CUDA_PATH"] = Needed.EmulatedDevice;
        start.Environment["XDG_CACHE_HOME"] = _folder.Path;
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Wavlm.Finish(Process.Start(start)!);
    }

    [GeneratedRegex(@"(?m)^self-test (fp\d+) +(\w+) .* ok +largest difference")]
    private static partial Regex SelfTest();
}
