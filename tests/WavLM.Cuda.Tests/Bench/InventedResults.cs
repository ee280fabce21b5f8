using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>Measurements that no machine made: times of a seeded generator, with the noise of a machine that others share.</summary>
internal sealed class InventedResults(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>Of a run's logarithm.</summary>
    public double Noise { get; init; } = 0.02;

    /// <summary>Of a measurement's logarithm from one process to the next.</summary>
    public double BetweenRuns { get; init; } = 0.007;

    /// <summary>The part of runs that take twice as long.</summary>
    public double Outliers { get; init; } = 0.03;

    /// <summary>The part of measurements that other work disturbs: up to two thirds of their runs take half as long again.</summary>
    public double Bursts { get; init; }

    public int Runs { get; init; } = 20;

    /// <summary>Each takes its part of the runs.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>As many are in a state in which every third kernel takes twice as long; which, the seed decides.</summary>
    public int SlowProcesses { get; init; }

    /// <summary>All times are longer by this factor.</summary>
    public double Drift { get; init; } = 1;

    /// <summary>So are those of this build's own code, but not the ceilings'.</summary>
    public double Build { get; init; } = 1;

    public static Machine Machine { get; } = new("NVIDIA H100", "sm_90", "AMD EPYC", 16) { Version = "1.2.3", LoadAverage = 0.4 };

    /// <summary>Kernels k0, k1, ... of different times, one of them slowed.</summary>
    public BenchResults Kernels(int count = 50, int slowed = -1, double by = 1.15, bool withCeilings = true) => new("kernels", "2026-11-22T21:40:11+00:00", Machine)
    {
        Processes = Processes,
        Ceilings = withCeilings ? [Ceiling("copy", "byte", 3e12), Ceiling("gemm fp32", "flop", 5e13), Ceiling("gemm fp16", "flop", 8e14)] : [],
        Measurements = [.. Enumerable.Range(0, count).Select(i => new Measurement("kernels", $"k{i}", "base 64x15", "fp16") { Seconds = Times(1e-5 * (1 + i) * Build * (i == slowed ? by : 1), inSlowState: i % 3 == 0 ? 2 : 1), Bytes = i % 3 == 0 ? 1e7 * (1 + i) : null })],
    };

    public double[] Times(double seconds, double inSlowState = 1)
    {
        double ofThisProcess = 0, noise = Noise * (0.5 + _random.NextDouble());
        int disturbed = _random.NextDouble() < Bursts ? _random.Next(1, Runs * 2 / 3 + 1) : 0;
        var times = new double[Runs];
        for (int i = 0; i < Runs; i++)
        {
            int process = i * Processes / Runs;
            if (i == 0 || process > (i - 1) * Processes / Runs) ofThisProcess = seconds * Drift * Math.Exp(BetweenRuns * Normal()) * ((process + seed) % Processes < SlowProcesses ? inSlowState : 1);
            times[i] = ofThisProcess * Math.Exp(noise * Normal()) * (_random.NextDouble() < Outliers ? 2 : 1) * (i < disturbed ? 1.5 : 1);
        }
        return times;
    }

    private Ceiling Ceiling(string name, string unit, double work)
    {
        double[] times = Times(1);
        return new(name, unit, work / Statistics.Median(times)) { Seconds = times };
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
