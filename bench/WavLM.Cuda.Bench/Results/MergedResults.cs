namespace WavLM.Cuda.Bench.Results;

/// <summary>The same measurements from several processes as one file's.</summary>
internal static class MergedResults
{
    /// <summary>What every process timed, their times end to end; what one of them could not time is not timed.</summary>
    /// <param name="parts">Of one process each, in their order; at least one.</param>
    public static BenchResults Of(IReadOnlyList<BenchResults> parts) => parts[0] with
    {
        Processes = parts.Count,
        Disturbed = parts.Average(static part => part.Disturbed),
        Ceilings = [.. parts[0].Ceilings.Select(first => Merged([.. parts.SelectMany(static part => part.Ceilings).Where(ceiling => ceiling.Name == first.Name)], parts.Count)).OfType<Ceiling>()],
        Measurements = [.. parts[0].Measurements.Select(first => Merged([.. parts.SelectMany(static part => part.Measurements).Where(measurement => measurement.Key == first.Key)], parts.Count))],
        Notes = [.. parts.SelectMany(static part => part.Notes).Distinct()],
    };

    private static Ceiling? Merged(IReadOnlyList<Ceiling> parts, int processes)
    {
        if (parts.Count < processes) return null;
        double amount = parts[0].PerSecond * Statistics.Median(parts[0].Seconds);
        double[] seconds = [.. parts.SelectMany(static part => part.Seconds)];
        return parts[0] with { Seconds = seconds, PerSecond = amount / Statistics.Median(seconds) };
    }

    private static Measurement Merged(IReadOnlyList<Measurement> parts, int processes)
    {
        string? notTimed = parts.FirstOrDefault(static part => part.NotTimed is not null)?.NotTimed;
        if (notTimed is null && parts.Count < processes) notTimed = $"{processes - parts.Count} of {processes} processes left it out";
        return parts[0] with
        {
            Seconds = notTimed is null ? [.. parts.SelectMany(static part => part.Seconds)] : [],
            NotTimed = notTimed,
            RelativeError = parts.Max(static part => part.RelativeError),
        };
    }
}
