namespace WavLM.Cuda.Bench.Results;

/// <summary>What is said of a list of times.</summary>
internal static class Statistics
{
    public static double Median(IReadOnlyList<double> seconds) => Quantile(seconds, 0.5);

    /// <summary>Half the distance between the quartiles, as a part of the median.</summary>
    public static double Spread(IReadOnlyList<double> seconds) => (Quantile(seconds, 0.75) - Quantile(seconds, 0.25)) / 2 / Median(seconds);

    /// <summary>Between the neighbours in proportion.</summary>
    public static double Quantile(IReadOnlyList<double> seconds, double part)
    {
        if (seconds.Count == 0) throw new ArgumentException("no times", nameof(seconds));
        double[] sorted = [.. seconds.Order()];
        double place = part * (sorted.Length - 1);
        int below = (int)place;
        return below + 1 == sorted.Length ? sorted[below] : sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
    }
}
