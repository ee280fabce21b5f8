using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Which precision is computed in: what was asked for, or the device's own, in the library and the command alike. Where there is no GPU: NoGpuTests.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class PrecisionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, string> OfCommand => new()
    {
        { "auto", "auto", "fp16" }, { "auto", "fp32", "fp32" }, { "auto", "bf16", "bf16" },
        { "cuda", "auto", "fp16" }, { "cuda", "fp16", "fp16" }, { "cuda", "bf16", "bf16" }, { "cuda", "fp32", "fp32" },
        { "cpu", "auto", "fp32" },
    };

    [SkippableTheory]
    [MemberData(nameof(OfCommand))]
    public void The_manifest_says_which_it_is(string device, string asked, string computed)
    {
        Wavlm.Finished run = Extract(device, asked);

        Assert.True(run.ExitCode == 0, run.Error);
        string row = Assert.Single(File.ReadAllLines(Path.Combine(_folder.Path, "manifest.jsonl")));
        Assert.Contains($"\"precision\":\"{computed}\"", row);
        Assert.Contains(device == "cpu" ? "\"device_set\":\"cpu " : "\"device_set\":\"cuda ", row);
    }

    [SkippableFact]
    public void Fp16_on_the_CPU_is_refused_though_there_is_a_GPU()
    {
        Wavlm.Finished run = Extract("cpu", "fp16");

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Equal("wavlm: precision fp16 is computed on CUDA alone; the CPU computes in fp32, bf16 or int8: ask for one of them, or for auto\n", run.Error);
    }

    [SkippableTheory]
    [InlineData("cuda")]
    [InlineData("auto")]
    public void Int8_on_a_GPU_is_refused(string device)
    {
        Wavlm.Finished run = Extract(device, "int8");

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.EndsWith("wavlm: precision int8 is computed on the CPU alone; CUDA computes in fp32, fp16 or bf16: ask for one of them, or for --device cpu\n", run.Error, StringComparison.Ordinal);
    }

    // oneDNN takes the variable for what the CPU has.
    [SkippableTheory]
    [InlineData("int8", "AVX512_CORE", "wavlm: int8 needs a CPU with AVX-512 VNNI, and this one has none; use --precision fp32\n")]
    [InlineData("bf16", "AVX2", "wavlm: bfloat16 needs a CPU with AVX-512, and this one has none; use --precision fp32\n")]
    public void What_the_CPU_has_no_instructions_for_is_refused(string precision, string instructions, string message)
    {
        Wavlm.Finished run = Wavlm.Run([("ONEDNN_MAX_CPU_ISA", instructions)],
            "extract", "--device", "cpu", "--precision", precision, "--model", Model, "--out", _folder.Path, Fixture.AudioPath("two-frames"));

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.EndsWith(message, run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Each_precision_has_algorithms_of_its_own_in_the_device_set()
    {
        string[] sets = [.. ((ReadOnlySpan<string>)["fp32", "fp16", "bf16"]).ToArray().Select(precision =>
        {
            Wavlm.Finished run = Extract("cuda", precision);
            Assert.True(run.ExitCode == 0, run.Error);
            return File.ReadAllText(Path.Combine(_folder.Path, "manifest.jsonl")).Split("\"device_set\":\"")[1].Split('"')[0];
        })];
        Assert.Equal(3, sets.Distinct().Count());
    }

    [Theory]
    [InlineData(null, Precision.Float16)]
    [InlineData(Precision.Float16, Precision.Float16)]
    [InlineData(Precision.BFloat16, Precision.BFloat16)]
    [InlineData(Precision.Float32, Precision.Float32)]
    public void An_encoder_says_which_it_is(Precision? asked, Precision computed)
    {
        EmulatedDevice.Reset();
        using SpeechEncoder encoder = SpeechEncoder.Load(Model, new EncoderOptions { Device = Device.Cuda(), Precision = asked });
        Assert.Equal(computed, encoder.Precision);
    }

    [Fact]
    public void On_the_CPU_an_encoder_computes_in_float32_and_float16_is_refused()
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Model, new EncoderOptions { Device = Device.Cpu });
        Assert.Equal(Precision.Float32, encoder.Precision);
        var refused = Assert.Throws<PlatformNotSupportedException>(() => SpeechEncoder.Load(Model, new EncoderOptions { Device = Device.Cpu, Precision = Precision.Float16 }));
        Assert.Contains("the CPU computes in fp32, bf16 or int8", refused.Message, StringComparison.Ordinal);
    }

    private static string Model => Fixture.Named("wavlm-tiny").ModelPath;

    private Wavlm.Finished Extract(string device, string precision) => Wavlm.Run(
        [("WAVLM_CUDA_PATH", Needed.EmulatedDevice)],
        "extract", "--device", device, "--precision", precision, "--model", Model, "--out", _folder.Path, Fixture.AudioPath("two-frames"));
}
