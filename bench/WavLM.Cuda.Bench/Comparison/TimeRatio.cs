using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>
/// How many times as long B's runs take as A's, and how far that can be trusted. Times are compared by their logarithms: noise multiplies.
/// The ratio is the median over all pairs of a run of A and a run of B (Hodges and Lehmann): nearly as exact as a quotient of means
/// where noise is normal, and a quarter of wild runs does not move it.
/// </summary>
/// <param name="Log">The ratio's natural logarithm.</param>
/// <param name="LeastDisturbedLog">The same of the first deciles alone: whatever disturbs a run makes it longer, so the short ones tell best what the code needs.</param>
/// <param name="Variance">Of <paramref name="Log" />, from how the runs of each side scatter.</param>
/// <param name="DegreesOfFreedom">How well that variance is known.</param>
internal readonly record struct TimeRatio(double Log, double LeastDisturbedLog, double Variance, double DegreesOfFreedom)
{
    // The scatter of few runs is a poor guess, so that of all measurements is mixed in with the weight of this many runs.
    private const double UsualRuns = 4;

    // What the median of pairs and Qn lose against the mean and the standard deviation where noise is normal.
    private const double PairsVariance = Math.PI / 3, QnEfficiency = 0.82;

    /// <summary>B's times over A's.</summary>
    /// <param name="a">Seconds.</param>
    /// <param name="b">Seconds.</param>
    /// <param name="usualScatter">The <see cref="Scatter" /> of a run elsewhere in the two files.</param>
    public static TimeRatio Of(IReadOnlyList<double> a, IReadOnlyList<double> b, double usualScatter)
    {
        double[] logsA = Logs(a), logsB = Logs(b);
        var pairs = new double[logsA.Length * logsB.Length];
        for (int i = 0; i < pairs.Length; i++) pairs[i] = logsB[i / logsA.Length] - logsA[i % logsA.Length];
        return new(
            Statistics.Median(pairs),
            Statistics.Quantile(logsB, 0.1) - Statistics.Quantile(logsA, 0.1),
            PairsVariance * (OfRuns(logsA, usualScatter) / logsA.Length + OfRuns(logsB, usualScatter) / logsB.Length),
            UsualRuns + QnEfficiency * (logsA.Length + logsB.Length - 2));
    }

    /// <summary>The standard deviation of a run's logarithm.</summary>
    public static double Scatter(IReadOnlyList<double> seconds) => Qn.Of(Logs(seconds));

    private static double[] Logs(IReadOnlyList<double> seconds) => [.. seconds.Select(s => Math.Log(s))];

    private static double OfRuns(double[] logs, double usualScatter)
    {
        double own = Qn.Of(logs), runs = QnEfficiency * (logs.Length - 1);
        return (UsualRuns * usualScatter * usualScatter + runs * own * own) / (UsualRuns + runs);
    }
}
