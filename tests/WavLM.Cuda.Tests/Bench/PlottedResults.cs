using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>Invented files with something for every plot.</summary>
internal static class PlottedResults
{
    private static readonly Ceiling[] Ceilings = [new("copy", "byte", 3e12), new("gemm fp32", "flop", 5e13), new("gemm fp16", "flop", 7.9e14), new("gemm bf16", "flop", 7.8e14)];

    /// <summary>Forty kernels in three precisions, from those that move bytes to those that multiply.</summary>
    public static BenchResults Kernels() => new("kernels", "2026-11-22T21:40:11+00:00", InventedResults.Machine)
    {
        Ceilings = Ceilings,
        Measurements = [.. ((string[])["fp16", "bf16", "fp32"]).SelectMany((precision, p) => Enumerable.Range(0, 40).Select(i => Kernel(i, p, precision)))],
    };

    /// <summary>A pass by stages.</summary>
    public static BenchResults Passes() => new("encode", "2026-11-22T21:41:11+00:00", InventedResults.Machine)
    {
        Ceilings = Ceilings,
        Measurements =
        [
            new("encode", "hidden states", "large 64x15", "fp16")
            {
                Seconds = [0.12, 0.121, 0.119],
                AudioSeconds = 960,
                PeakBytes = 9e9,
                Stages = [new("norms", 0.01) { Bytes = 2e10 }, new("attention", 0.05) { Bytes = 1e9, Flops = 2e13, Ceiling = "gemm fp16" }, new("other", 0.02)],
            },
        ],
    };

    /// <summary>Engines side by side, one of them missing.</summary>
    public static BenchResults Peers() => new("peers", "2026-11-22T21:42:11+00:00", InventedResults.Machine)
    {
        Measurements = [Peer("wavlm", 0.12), Peer("transformers", 0.4), Peer("fairseq", null)],
    };

    private static Measurement Kernel(int i, int p, string precision)
    {
        double intensity = 0.2 * Math.Pow(1.25, i), bytes = 1e8, flops = bytes * intensity, top = Ceilings[p == 2 ? 1 : 2 + p].PerSecond;
        double seconds = Math.Max(bytes / 3e12, flops / top) / (0.5 + 0.1 * ((i + p) % 4));
        return new("kernels", $"kernel_{i}", "large 64x15", precision) { Seconds = [seconds], Bytes = bytes, Flops = flops, Ceiling = $"gemm {precision}" };
    }

    private static Measurement Peer(string runner, double? seconds) => new("peers", "hidden states", "large 64x15", "fp16")
    {
        Runner = runner,
        Seconds = seconds is { } s ? [s] : [],
        NotTimed = seconds is null ? "no module of that name" : null,
        AudioSeconds = 960,
    };
}
