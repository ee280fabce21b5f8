using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.KernelsCheck;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>What benchmarks of operations claim must be done, and how they are run.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class KernelsOperationsTests : IDisposable
{
    public KernelsOperationsTests() => EmulatedDevice.Reset();

    public void Dispose() => EmulatedDevice.Reset();

    /// <summary>By hand, for 64 x 749 = 47,936 frames of Large in float16, and a tile of 2,048 slots of its front end.</summary>
    [Theory]
    [InlineData("layer_norm", 47_936.0 * 1024 * (4 + 2), 47_936.0 * 1024 * 8, "gemm fp32")]
    [InlineData("gated_attention", 47_936.0 * (4 * 1024 * 2 + 16 * 4), 4.0 * 64 * 749 * 749 * 1024, "gemm fp16")]
    [InlineData("linear up", 2.0 * (47_936.0 * 1024 + 4096 * 1024 + 47_936.0 * 4096), 2.0 * 47_936 * 1024 * 4096, "gemm fp16")]
    [InlineData("linear down", 2.0 * (47_936.0 * 4096 + 4096 * 1024) + 8.0 * 47_936 * 1024, 2.0 * 47_936 * 1024 * 4096, "gemm fp16")]
    [InlineData("positional_conv", 8.0 * 47_936 * 1024 + 2.0 * 128 * 64 * 1024, 2.0 * 47_936 * 128 * 64 * 1024, "gemm fp16")]
    [InlineData("strided_conv 6", 2.0 * (4096 * 512 + 2 * 512 * 512) + 4.0 * 2048 * 512, 2.0 * 2 * 512 * 512 * 2048, "gemm fp16")]
    [InlineData("normalize_waveform", 16.0 * 64 * 240_000, 10.0 * 64 * 240_000, null)]
    public void Bytes_and_flops_are_those_counted_by_hand(string name, double bytes, double flops, string? ceiling)
    {
        using CudaBackend backend = new(0, KernelCache.None, ElementType.Float16);
        Workload load = Workload.OfSeconds("large", EncoderSizes.Large, 64, 15);

        Operation operation = Assert.Single(OperationTable.Of(backend, load), operation => operation.Name == name);

        Assert.Equal((bytes, flops, ceiling, "large 64x15"), (operation.Work.Bytes, operation.Work.Flops, operation.Work.Ceiling, operation.Case));
    }

    /// <summary>The table of kernels/README.md counts by the same formulas.</summary>
    [Theory]
    [InlineData(false, nameof(ElementType.Float32))]
    [InlineData(false, nameof(ElementType.Float16))]
    [InlineData(true, nameof(ElementType.Float32))]
    [InlineData(true, nameof(ElementType.BFloat16))]
    public void Bytes_and_flops_are_those_of_the_table_of_least_times(bool large, string type)
    {
        ElementType operands = Enum.Parse<ElementType>(type);
        const int Seconds = 60;
        EncoderConfig config = large ? EncoderSizes.Large : EncoderSizes.Base;
        using CudaBackend backend = new(0, KernelCache.None, operands);
        Dictionary<string, Work> benchmarks = OperationTable.Of(backend, Workload.OfSeconds("model", config, 1, Seconds)).ToDictionary(static operation => operation.Name, static operation => operation.Work);
        ILookup<string, KernelWork> table = KernelWork.Of(config, operands, Seconds * 16_000).ToLookup(static work => work.Kernel);

        foreach (string name in (ReadOnlySpan<string>)["positional_conv", "gated_attention", "nearest_centroid"]) Same(table[name].Single(), name);
        Same(table["pool"].Single(), "pool deviation");
        Same(table["gelu"].LastOrDefault(), "gelu");
        Same(table["weighted_sum"].First(), "weighted_sum first");
        Same(table["weighted_sum"].Last(), "weighted_sum");
        KernelWork[] norms = [.. table["layer_norm"].TakeLast(4)];
        Same(norms[0], "layer_norm projection");
        Same(norms[1], "layer_norm gates");
        Same(norms[2], "layer_norm");

        void Same(KernelWork? expected, string name) => Assert.Equal((expected!.Bytes, expected.Operations), (benchmarks[name].Bytes, benchmarks[name].Flops));
    }

    [Fact]
    public void A_GPU_gets_attention_at_the_frames_that_others_are_timed_at()
    {
        using BenchDevice device = new PretendedGpu(new CudaBackend(0, KernelCache.None, ElementType.BFloat16));
        string[] titles = [.. OperationTable.Of(device, Shapes.Usual).Select(static operation => operation.Title)];

        foreach (string model in (ReadOnlySpan<string>)["base", "large"])
        {
            foreach (int frames in (ReadOnlySpan<int>)[1000, 2000, 4000]) Assert.Contains($"gated_attention {model} {frames} frames x 16", titles);
        }
        Assert.Equal(titles.Length, titles.Distinct().Count());
        string[] all = [.. OperationTable.Of(device, Shapes.All).Select(static operation => operation.Title)];
        Assert.Contains("linear up large 1x1", all);
        Assert.Contains("linear up base 64x60", all);
    }

    [Fact]
    public void No_run_finds_its_arguments_in_the_cache()
    {
        using BenchDevice device = Cpu();
        Operation small = OperationTable.Of(device.Backend, Workload.OfSeconds("base", EncoderSizes.Base, 1, 10)).Single(static operation => operation.Name == "layer_norm");
        int sets = TimedOperation.SetsOf(small, device);
        Assert.InRange(sets * small.Work.Bytes, device.RotatedBytes, device.RotatedBytes + small.Work.Bytes);

        // Each set in its turn, from one sample to the next.
        List<int> order = [];
        int prepared = 0;
        Operation counted = small with
        {
            Work = small.Work with { Bytes = (device.RotatedBytes + 1) / 2 },
            Prepare = _ =>
            {
                int set = prepared++;
                return new(() =>
                {
                    order.Add(set);
                    Thread.Sleep(20);
                }, static _ => { });
            },
        };
        using TimedOperation timed = TimedOperation.Prepare(counted, device, new RandomValues(eights: 7, seed: 1), Slowdown.None);
        order.Clear();
        timed.Measure(samples: 5);
        Assert.InRange(order.Count, 6, 16);   // more than six where other programs had the processor
        Assert.Equal(Enumerable.Range(0, order.Count).Select(static i => i % 2), order);
        Assert.Equal(5, timed.Seconds.Count);
    }

    [Theory]
    [InlineData(1.15)]
    [InlineData(1.1)]
    [InlineData(1.5)]
    [InlineData(3)]
    [InlineData(1)]
    public void A_slowed_sample_is_as_much_longer_as_was_asked_for(double factor)
    {
        Slowdown slowdown = new(factor);
        for (int runs = 1; runs < 100; runs++)
        {
            int whole = slowdown.WholeRuns(runs);
            Assert.InRange(whole, runs, runs + 20);
            Assert.InRange((double)slowdown.RunsFor(whole) / whole, factor * 0.99, factor * 1.01);
        }
        Assert.Equal(7, Slowdown.None.WholeRuns(7));
    }

    [Theory]
    [InlineData("layer_norm=1.15", "layer_norm", "base 1x10", 1.15)]
    [InlineData("layer_norm=1.15", "layer_norm gates", "base 1x10", 1)]
    [InlineData("layer_norm base 1x10=1.15", "layer_norm", "base 1x10", 1.15)]
    [InlineData("linear .*=1.2", "linear up", "base 1x10", 1.2)]
    [InlineData("up=1.2", "linear up", "base 1x10", 1)]
    public void Slowed_is_what_the_whole_name_matches(string text, string name, string @case, double factor)
        => Assert.Equal(factor, Slowed.Parse(text).Of(new Operation(name, @case, "", new Work(0, 0, null), static _ => throw new InvalidOperationException())).Factor);

    [Theory]
    [InlineData("layer_norm")]
    [InlineData("=1.15")]
    [InlineData("layer_norm=0.5")]
    [InlineData("layer_norm=fast")]
    [InlineData("(=1.15")]
    public void A_slowdown_that_cannot_be_read_is_refused(string text) => Assert.Throws<FormatException>(() => Slowed.Parse(text));

    [Fact]
    public void The_least_time_is_the_longer_one_of_moving_and_computing()
    {
        Ceiling[] ceilings = [new("copy", "byte", 100), new("gemm fp16", "flop", 1000)];
        Measurement measurement = new("kernels", "linear up", "base 1x10", "fp16") { Bytes = 200, Flops = 1000, Ceiling = "gemm fp16" };

        Assert.Equal(2, OperationsTable.LeastSeconds(measurement, ceilings));
        Assert.Equal(5, OperationsTable.LeastSeconds(measurement with { Flops = 5000 }, ceilings));
        Assert.Equal(2, OperationsTable.LeastSeconds(measurement with { Flops = 5000, Ceiling = null }, ceilings));
        Assert.Null(OperationsTable.LeastSeconds(measurement, []));
    }

    private static CpuBenchDevice Cpu() => new(new CpuBackend(Precision.Float32, threads: 1));

    /// <summary>The emulated device's backend, taken for a real one: for what is listed, never for what is run.</summary>
    private sealed class PretendedGpu(CudaBackend backend) : BenchDevice(backend)
    {
        public override string Name => "pretended";

        public override long RotatedBytes => 100 << 20;

        public override long MemoryBudget => 1L << 34;

        public override double SecondsOfSample => 1e-3;

        public override void Poison(Tensor tensor) => throw new NotSupportedException();

        public override void Write(ReadOnlySpan<byte> from, Tensor tensor) => throw new NotSupportedException();

        public override void Read(Tensor tensor, Span<byte> to) => throw new NotSupportedException();

        public override void Copy(Tensor source, Tensor destination, long bytes) => throw new NotSupportedException();

        public override IRecord? Record(Action operations) => throw new NotSupportedException();

        public override void Trim() => throw new NotSupportedException();
    }
}
