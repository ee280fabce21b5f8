using WavLM.Cuda.Bench.Passes;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>What a pass must do at least, against figures that another program counted.</summary>
public sealed class EncoderWorkTests
{
    // 64 utterances of 15 s in half precision: GFLOP of the products, GB of the stages' activations.
    private static readonly (string Stage, double GigaFlops, double Gigabytes)[] Large =
    [
        ("conv 1", 2416, 4.72), ("conv 2", 1208, 2.36), ("conv 3", 604, 1.18), ("conv 4", 302, 0.59), ("conv 5", 101, 0.29),
        ("positional conv", 804, 0.39), ("qkv", 7238, 9.42), ("attention", 3530, 9.42), ("out projection", 2413, 11.78),
        ("FFN up + GELU", 9651, 11.78), ("FFN down", 9651, 18.85),
    ];

    private static readonly (string Stage, double GigaFlops, double Gigabytes)[] Base =
    [
        ("conv 1", 2416, 4.72), ("conv 2", 1208, 2.36), ("positional conv", 452, 0.29), ("qkv", 2036, 3.53), ("attention", 1324, 3.53),
        ("out projection", 679, 4.42), ("FFN up + GELU", 2714, 4.42), ("FFN down", 2714, 7.07),
    ];

    public static TheoryData<string> Models => ["base", "large"];

    [Theory]
    [MemberData(nameof(Models))]
    public void The_least_work_of_a_pass_is_what_was_counted_elsewhere(string model)
    {
        IReadOnlyList<StageWork> work = EncoderWork.Of(model == "base" ? EncoderSizes.Base : EncoderSizes.Large, Load.Parse("64x15").Samples, Precision.Float16);

        foreach ((string stage, double gigaFlops, double gigabytes) in model == "base" ? Base : Large)
        {
            StageWork found = work.Single(of => of.Stage == stage);
            // Norms, GELUs and gates are counted here and not there, weights too: under 2 % each.
            Assert.InRange(found.Flops / 1e9, 0.999 * gigaFlops, 1.02 * gigaFlops);
            Assert.InRange(found.Bytes / 1e9, 0.985 * gigabytes, 1.05 * gigabytes);
            Assert.Equal("gemm fp16", found.Ceiling);
        }
    }

    [Fact]
    public void Of_integers_are_the_products_of_weights_and_the_weights_alone()
    {
        StageWork[] halves = [.. EncoderWork.Of(EncoderSizes.Base, [160_000], Precision.BFloat16)], integers = [.. EncoderWork.Of(EncoderSizes.Base, [160_000], Precision.Int8)];

        Assert.Equal(halves.Select(static of => (of.Stage, of.Flops)), integers.Select(static of => (of.Stage, of.Flops)));
        Assert.Equal(["waveform", "conv 0", "norms"], integers.Where(static of => of.Ceiling == "gemm fp32").Select(static of => of.Stage));
        Assert.Equal(["positional conv", "attention"], integers.Where(static of => of.Ceiling == "gemm bf16").Select(static of => of.Stage));
        double saved = 768 * 512 + 6 * 512 * 512 * 2.0 + 4 * 512 * 512 + 12 * 12 * 768 * 768.0;   // a byte a weight: projection, six convolutions, layers
        Assert.Equal(saved, halves.Sum(static of => of.Bytes) - integers.Sum(static of => of.Bytes));
    }

    [Fact]
    public void An_utterance_counts_by_its_own_frames()
    {
        static double Attention(string load) => EncoderWork.Of(EncoderSizes.Base, Load.Parse(load).Samples, Precision.Float32).Single(static of => of.Stage == "attention").Flops;

        EncoderConfig config = EncoderSizes.Base;
        double frames = config.Frames(160_000);
        Assert.Equal(12 * 4 * frames * frames * 768, Attention("1x10"));
        Assert.Equal(7 * Attention("1x10"), Attention("7x10"));   // two of ten seconds do not see each other
    }

    [Fact]
    public void A_stage_takes_at_least_its_bytes_and_its_arithmetic()
    {
        Ceiling[] ceilings = [new("copy", "byte", 2e9), new("gemm fp16", "flop", 1e12)];
        Assert.Equal(3, EncodeTable.LeastSeconds(new StageTime("memory", 4) { Bytes = 6e9, Flops = 1e12, Ceiling = "gemm fp16" }, ceilings));
        Assert.Equal(5, EncodeTable.LeastSeconds(new StageTime("arithmetic", 6) { Bytes = 6e9, Flops = 5e12, Ceiling = "gemm fp16" }, ceilings));
        Assert.Null(EncodeTable.LeastSeconds(new StageTime("unknown", 6) { Bytes = 6e9, Flops = 5e12, Ceiling = "gemm bf16" }, ceilings));
        Assert.Null(EncodeTable.LeastSeconds(new StageTime("host", 6), ceilings));
    }

    [Theory]
    [InlineData("64x15", 64, 960)]
    [InlineData("3x0.5", 3, 1.5)]
    [InlineData("hour", 1, 3600)]
    public void A_load_is_utterances_times_seconds(string text, int utterances, double seconds)
    {
        Load load = Load.Parse(text);
        Assert.Equal(utterances, load.Samples.Count);
        Assert.Equal(seconds, load.AudioSeconds);
        Assert.Equal(load.Samples, load.Waveforms().Select(static waveform => waveform.Samples.Length));
    }

    [Fact]
    public void The_mixed_load_is_read_speech()
    {
        Load load = Load.Parse("mixed");
        Assert.Equal(64, load.Samples.Count);
        Assert.All(load.Samples, static samples => Assert.InRange(samples, 2 * 16_000, 35 * 16_000));
        Assert.InRange(load.AudioSeconds / 64, 11, 13);
        Assert.Equal(load.Samples, Load.Parse("mixed").Samples);
    }

    [Theory]
    [InlineData("64")]
    [InlineData("0x15")]
    [InlineData("4x0.001")]
    [InlineData("-1x3")]
    [InlineData("ax3")]
    public void Another_load_is_refused(string text)
        => Assert.Equal($"--load {text}: expected UTTERANCESxSECONDS such as 64x15, mixed or hour", Assert.Throws<BenchException>(() => Load.Parse(text)).Message);
}
