using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>
/// What all ratios of two files share. Their median is the expected ratio where there are <see cref="Enough" />; of fewer, one kernel
/// that changed would move it, and the ceilings' median stands in, or 1 where no ceilings were measured in both or where the machines differ.
/// <para>
/// The ceilings (a device's own copy and library products) are not this project's code, so they tell a slower machine from a slower
/// build: where B's times are longer on the whole, and more so than the ceilings', beyond the noise and by <see cref="LeastOfBuild" />, the build is to
/// blame. Without ceilings the two look the same, and only what no machine was seen to do by itself (<see cref="MostOfMachine" />) is held against the build.
/// </para>
/// </summary>
internal sealed record MachineDrift
{
    /// <summary>So many measurements tell what they have in common.</summary>
    public const int Enough = 8;

    /// <summary>By so much everything must be slower than the ceilings explain.</summary>
    public const double LeastOfBuild = 1.05;

    /// <summary>The most that a shared machine was seen to slow down between two runs is 10 %.</summary>
    public const double MostOfMachine = 1.15;

    private const double LeastApart = 1.02, MoreScatter = 1.5, LeastScatter = 0.006;

    // What one measurement differs by from one process to the next, where too few are there to tell.
    private const double AssumedBetweenRuns = 0.02;

    // Other work may disturb a whole measurement: what lies between two processes has longer tails than a normal variable, however many tell of it.
    private const double MostFreedom = 10;

    // One false alarm in two hundred.
    private const double FalseAlarms = 0.005;

    /// <summary>Of the ratio that is expected of a measurement that did not change.</summary>
    public double ExpectedLog { get; private init; }

    /// <summary>The same of the first deciles and of the first quartiles.</summary>
    public (double Decile, double Quartile) LeastDisturbedLogs { get; private init; }

    /// <summary>Standard deviation of a measurement's logarithm between two runs, beyond what its own runs tell.</summary>
    public double BetweenRuns { get; private init; } = AssumedBetweenRuns;

    /// <summary>The ceilings' median ratio of times; none where they are not in both files.</summary>
    public double? OfCeilings { get; private init; }

    /// <summary>Each ceiling's ratio of times, B over A.</summary>
    public IReadOnlyList<(string Name, double Ratio)> Ceilings { get; private init; } = [];

    /// <summary>Whether everything in B is slower for a reason that is not the machine's.</summary>
    public bool BuildIsSlower { get; private init; }

    /// <summary>Whether the measurements themselves tell what they have in common.</summary>
    public bool OfMeasurements { get; private init; }

    /// <summary>Whether both files are of one machine.</summary>
    public bool SameMachine { get; private init; }

    private double Variance { get; init; }

    private double BetweenRunsFreedom { get; init; } = MostFreedom;

    /// <summary>What happened between two files to measurements of these ratios.</summary>
    public static MachineDrift Between(BenchResults a, BenchResults b, IReadOnlyList<TimeRatio> ratios)
    {
        bool sameMachine = (a.Machine.Device, a.Machine.Processor, a.Machine.Threads) == (b.Machine.Device, b.Machine.Processor, b.Machine.Threads);
        List<(string Name, TimeRatio Ratio)> ceilings = [.. CeilingRatios(a, b)];
        MachineDrift drift = new()
        {
            SameMachine = sameMachine,
            Ceilings = [.. ceilings.Select(c => (c.Name, Math.Exp(c.Ratio.Log)))],
            OfCeilings = ceilings.Count == 0 ? null : Math.Exp(Statistics.Median([.. ceilings.Select(c => c.Ratio.Log)])),
        };
        if (!sameMachine) return drift;
        if (ratios.Count < Enough) return drift.OfCeilings is null ? drift : drift.Following(ceilings);
        return drift.Following(ratios).Blaming(ceilings);
    }

    /// <summary>Whether these measurements drifted by themselves, or scatter more than the others: all together they tell more, where they tell the same.</summary>
    public bool IsApartFrom(MachineDrift others)
        => Math.Abs(ExpectedLog - others.ExpectedLog) > Math.Log(LeastApart) || BetweenRuns > MoreScatter * others.BetweenRuns + LeastScatter;

    /// <summary>By how much the least disturbed runs are slower (or faster, for -1), beyond what is expected: by the one of two quantiles that says less.</summary>
    public double LeastDisturbed(TimeRatio ratio, int sign)
        => Math.Min(sign * (ratio.DecileLog - LeastDisturbedLogs.Decile), sign * (ratio.QuartileLog - LeastDisturbedLogs.Quartile));

    /// <summary>The variance of a measurement's distance from what is expected, and its degrees of freedom (Satterthwaite).</summary>
    public (double Variance, double Freedom) Added(TimeRatio ratio)
    {
        double between = BetweenRuns * BetweenRuns, sum = ratio.Variance + between;
        double freedom = sum == 0 ? ratio.DegreesOfFreedom : sum * sum / (ratio.Variance * ratio.Variance / ratio.DegreesOfFreedom + between * between / BetweenRunsFreedom);
        return (sum + Variance, freedom);
    }

    private MachineDrift Following(IReadOnlyList<TimeRatio> ratios)
    {
        double expected = Statistics.Median([.. ratios.Select(r => r.Log)]), within = Statistics.Median([.. ratios.Select(r => r.Variance)]);
        double scatter = Qn.Of([.. ratios.Select(r => r.Log)]);
        double between = Math.Max(0, scatter * scatter - within);
        return this with
        {
            OfMeasurements = true,
            ExpectedLog = expected,
            LeastDisturbedLogs = (Statistics.Median([.. ratios.Select(r => r.DecileLog)]), Statistics.Median([.. ratios.Select(r => r.QuartileLog)])),
            BetweenRuns = Math.Sqrt(between),
            BetweenRunsFreedom = Math.Min(MostFreedom, 0.8 * (ratios.Count - 1)),
            Variance = Math.PI / 2 * (within + between) / ratios.Count,   // of a median
        };
    }

    private MachineDrift Following(List<(string Name, TimeRatio Ratio)> ceilings) => this with
    {
        ExpectedLog = Statistics.Median([.. ceilings.Select(c => c.Ratio.Log)]),
        LeastDisturbedLogs = (Statistics.Median([.. ceilings.Select(c => c.Ratio.DecileLog)]), Statistics.Median([.. ceilings.Select(c => c.Ratio.QuartileLog)])),
        Variance = CeilingsVariance(ceilings),
    };

    private MachineDrift Blaming(List<(string Name, TimeRatio Ratio)> ceilings)
    {
        if (ceilings.Count == 0) return this with { BuildIsSlower = ExpectedLog > Math.Log(MostOfMachine) };
        double beyond = ExpectedLog - Math.Log(OfCeilings!.Value);
        double bound = Math.Max(Math.Log(LeastOfBuild), StudentQuantile.Above(FalseAlarms, MostFreedom) * Math.Sqrt(Variance + CeilingsVariance(ceilings)));
        return this with { BuildIsSlower = beyond > bound && ExpectedLog > Math.Log(LeastOfBuild) };
    }

    // Ceilings are few: what they are apart by themselves counts, too.
    private double CeilingsVariance(List<(string Name, TimeRatio Ratio)> ceilings)
    {
        double[] logs = [.. ceilings.Select(c => c.Ratio.Log)];
        double apart = logs.Max() - logs.Min(), between = Math.Max(BetweenRuns, AssumedBetweenRuns);
        return (ceilings.Average(c => c.Ratio.Variance) + Math.Max(between * between, apart * apart / 4)) / ceilings.Count;
    }

    private static IEnumerable<(string Name, TimeRatio Ratio)> CeilingRatios(BenchResults a, BenchResults b)
    {
        foreach (Ceiling ofA in a.Ceilings)
        {
            if (b.Ceilings.FirstOrDefault(c => c.Name == ofA.Name) is not { } ofB) continue;
            (IReadOnlyList<double> ofRunsA, IReadOnlyList<double> ofRunsB) = (ComparableRuns.Of(ofA.Seconds, a.Processes), ComparableRuns.Of(ofB.Seconds, b.Processes));
            double usual = TimeRatio.Scatter(ofRunsA);
            double log = Math.Log(ofA.PerSecond / ofB.PerSecond);
            TimeRatio whole = new(log, log, log, 0, 1);
            // Seconds compare only where both did the same work, which the rates tell.
            bool sameWork = ofA.Seconds.Count > 0 && ofB.Seconds.Count > 0
                && Math.Abs(ofA.PerSecond * Statistics.Median(ofA.Seconds) / (ofB.PerSecond * Statistics.Median(ofB.Seconds)) - 1) < 1e-3;
            yield return (ofA.Name, sameWork ? TimeRatio.Of(ofRunsA, ofRunsB, usual) : whole);
        }
    }
}
