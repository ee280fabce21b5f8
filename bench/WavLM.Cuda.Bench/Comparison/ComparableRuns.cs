using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>
/// What counts as the runs of a measurement. Of one process they are its samples. Of several they are the first quartiles of the two processes
/// that were fastest: a machine that others share has states that last for seconds to minutes, and they make a process slower (17 or 37
/// microseconds for one and the same sum, 2 % apart within a state), so the fastest ones tell what the code needs. On two virtual processors
/// the medians of eight processes were up to 77 % apart in eight files of one build; these, 5 %.
/// </summary>
internal static class ComparableRuns
{
    private const int Fastest = 2;

    /// <summary>Seconds, a run each.</summary>
    /// <param name="seconds">In as many equal parts as there were processes, at least one of each.</param>
    /// <param name="processes">How many.</param>
    public static IReadOnlyList<double> Of(IReadOnlyList<double> seconds, int processes)
    {
        if (processes <= Fastest) return seconds;
        int each = seconds.Count / processes;
        return [.. Enumerable.Range(0, processes).Select(process => Statistics.Quantile([.. seconds.Skip(process * each).Take(each)], 0.25)).Order().Take(Fastest)];
    }
}
