using WavLM.Cuda.Bench.Report;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>A comparison in words: a table for the terminal, and the sentences that the report has, too.</summary>
internal sealed class ComparisonText(ResultsComparison comparison, string pathOfA, string pathOfB)
{
    // Beyond this a slowdown of 15 % may go unseen.
    private const double WideLimit = 1.12;

    private static readonly string[] Columns = ["name", "case", "precision", "A", "B", "B/A", "limit", ""];

    /// <summary>The whole of it; the last line is the verdict.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"A  {Describe(pathOfA, comparison.A)}";
        yield return $"B  {Describe(pathOfB, comparison.B)}";
        foreach (string warning in comparison.Warnings) yield return $"warning: {warning}";
        yield return "";
        foreach (string line in Table()) yield return line;
        yield return "";
        foreach (string line in OnlyIn("A", comparison.OnlyInA)) yield return line;
        foreach (string line in OnlyIn("B", comparison.OnlyInB)) yield return line;
        foreach (string line in AboutTheMachine()) yield return line;
        yield return Conclusion();
    }

    /// <summary>What is common to all ratios, and what could not have been seen.</summary>
    public IEnumerable<string> AboutTheMachine()
    {
        MachineDrift drift = comparison.Drift;
        if (drift.Ceilings.Any(c => Math.Abs(Math.Log(c.Ratio)) > Math.Log(ResultsComparison.LeastRelevant)))
            yield return $"the machine's own ceilings changed: {string.Join(", ", drift.Ceilings.Select(c => $"{c.Name} {Units.SlowerOrFaster(c.Ratio)}"))}";
        double common = Math.Exp(drift.ExpectedLog);
        if (Math.Abs(drift.ExpectedLog) > Math.Log(ResultsComparison.LeastRelevant))
            yield return drift.OfMeasurements
                ? $"all measurements together are {Units.SlowerOrFaster(common)} in B, {Cause(drift)}; each ratio is held against {Units.Ratio(common)}"
                : $"too few measurements to tell what they have in common: each ratio is held against the ceilings', {Units.Ratio(common)}";
        else if (!drift.OfMeasurements && drift.OfCeilings is null && drift.SameMachine)
            yield return $"fewer than {MachineDrift.Enough} measurements and no ceilings in both files: a slower machine would look the same as a slower build";
        if (comparison.DriftByLimit is var (memory, arithmetic) && Math.Abs(memory.ExpectedLog - arithmetic.ExpectedLog) > Math.Log(ResultsComparison.LeastRelevant))
            yield return $"what mostly moves bytes is {Units.SlowerOrFaster(Math.Exp(memory.ExpectedLog))} in B as a whole, what computes {Units.SlowerOrFaster(Math.Exp(arithmetic.ExpectedLog))}, as where memory or the way between processors became faster or slower: each is held against its own";
        if (comparison.Measurements.Where(m => m.Limit is not null).Select(m => m.Limit!.Value / m.Expected).DefaultIfEmpty(1).ToList() is var limits && Statistics.Median(limits) > WideLimit)
            yield return $"times scatter so much that a slowdown below {Units.Percent(Statistics.Median(limits) - 1)} passes for noise: measure longer, or on a quieter machine";
    }

    /// <summary>The verdict in a line, with the names of all that is slower.</summary>
    public string Conclusion()
    {
        List<string> regressions = [.. comparison.Regressions.Select(Name)];
        if (comparison.Drift.BuildIsSlower) regressions.Insert(0, $"everything ({Units.SlowerOrFaster(Math.Exp(comparison.Drift.ExpectedLog))})");
        if (regressions.Count > 0) return $"slower: {string.Join("; ", regressions)}";
        int judged = comparison.Measurements.Count(m => m.Limit is not null), faster = comparison.Measurements.Count(m => m.Verdict == Verdict.Faster);
        return $"nothing is slower: {judged} measurement{(judged == 1 ? "" : "s")} compared{(faster == 0 ? "" : $", {faster} faster")}";
    }

    /// <summary>The verdict in a sentence that is short however many are slower: each name once.</summary>
    public string Summary()
    {
        if (comparison.Drift.BuildIsSlower || !comparison.IsSlower) return Conclusion();
        List<ComparedMeasurement> regressions = [.. comparison.Regressions];
        return $"{regressions.Count} of {comparison.Measurements.Count} measurements {(regressions.Count == 1 ? "is" : "are")} slower: {string.Join(", ", regressions.Select(m => m.A.Name).Distinct())}";
    }

    /// <summary>The verdict of one measurement in a word or two.</summary>
    public static string Word(ComparedMeasurement compared) => compared.Verdict switch
    {
        Verdict.Slower => "slower",
        Verdict.Faster => "faster",
        Verdict.NoLongerTimed => $"no longer timed: {compared.B.NotTimed ?? "no reason given"}",
        Verdict.Peer => "peer",
        _ when compared.Ratio is not null => "",
        _ when compared.B.Seconds.Count > 0 => $"not timed in A: {compared.A.NotTimed ?? "no reason given"}",
        _ => $"not timed: {compared.B.NotTimed ?? "no reason given"}",
    };

    private static string Cause(MachineDrift drift)
    {
        if (drift.BuildIsSlower) return drift.OfCeilings is null ? "more than a machine does by itself" : "which its ceilings don't explain";
        return drift.OfCeilings is null ? "and without ceilings a slower machine looks the same as a slower build" : "and so is the machine";
    }

    private static string Name(ComparedMeasurement m) => m.Verdict == Verdict.NoLongerTimed
        ? $"{m.Title} (no longer timed)"
        : $"{m.Title} ({Units.Ratio(m.Ratio!.Value)}, limit {Units.Ratio(m.Limit!.Value)})";

    private static string Describe(string path, BenchResults results)
        => string.Join(", ", new[] { path, results.Command, results.Machine.Device, results.Date, results.Machine.Version }.Where(part => part.Length > 0));

    private static IEnumerable<string> OnlyIn(string file, IReadOnlyList<Measurement> measurements)
    {
        if (measurements.Count > 0) yield return $"only in {file}: {string.Join("; ", measurements.Select(m => new ComparedMeasurement(m, m, Verdict.Same).Title))}";
    }

    private IEnumerable<string> Table()
    {
        List<string[]> rows = [Columns, .. comparison.Measurements.Select(Row)];
        int[] widths = [.. Columns.Select((_, i) => rows.Max(row => row[i].Length))];
        foreach (string[] row in rows)
            yield return string.Join("  ", row.Select((cell, i) => i is >= 3 and <= 6 ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd();
    }

    private static string[] Row(ComparedMeasurement m) =>
    [
        m.A.Runner == "wavlm" ? m.A.Name : $"{m.A.Name} ({m.A.Runner})", m.A.Case, m.A.Precision,
        Time(m.Seconds.A), Time(m.Seconds.B), m.Ratio is { } ratio ? Units.Ratio(ratio) : "-", m.Limit is { } limit ? Units.Ratio(limit) : "-", Word(m),
    ];

    // A terminal may know nothing but ASCII.
    private static string Time(double? seconds) => seconds is null ? "-" : Units.Time(seconds.Value).Replace('µ', 'u');
}
