using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>
/// Is B slower than A? Two runs of one build must be found equal on a machine that others share, a kernel slowed by 15 % must be found.
/// <para>
/// Each measurement has a <see cref="TimeRatio" /> of its <see cref="ComparableRuns" />. What all ratios have in common is the machine's: it was slower or faster as a whole,
/// and every ratio is judged against their median (<see cref="MachineDrift" />). What is left scatters for two reasons: the runs of a measurement scatter,
/// which the runs themselves tell, and a measurement differs between two files by more than its runs do (of one process: where its memory
/// lies; what the machine did in that minute), which the scatter of all the ratios tells: of what moves bytes and of what computes apart. Both variances are robust, so that a few kernels that did change
/// don't hide themselves, and they are added.
/// </para>
/// <para>
/// B is slower where its ratio exceeds the expected one by more than Student's quantile for one false alarm in two hundred comparisons
/// OF WHOLE FILES (the chance is divided among the measurements), and by <see cref="LeastRelevant" /> at least, and where the least
/// disturbed runs agree: their first deciles and first quartiles both show three quarters of that, and half of what all runs show.
/// A burst of other work fails this: it lengthens most runs of one measurement, but not its shortest ones.
/// </para>
/// <para>
/// On a machine with five times as many busy programs as processors none of this holds: whole measurements are disturbed then. What could not be seen is said.
/// </para>
/// </summary>
internal sealed class ResultsComparison
{
    /// <summary>A smaller difference is nobody's concern, however certain.</summary>
    public const double LeastRelevant = 1.03;

    // Of a measurement's time, from which on it goes with those that move bytes.
    private const double LeastShareOfBytes = 0.15;

    private const double FalseAlarms = 0.005, LeastDisturbedPartOfBound = 0.75, LeastDisturbedPartOfRatio = 0.5;

    private ResultsComparison(BenchResults a, BenchResults b) => (A, B) = (a, b);

    /// <summary>The earlier file.</summary>
    public BenchResults A { get; }

    /// <summary>The later file.</summary>
    public BenchResults B { get; }

    /// <summary>What both have, the slowest first.</summary>
    public IReadOnlyList<ComparedMeasurement> Measurements { get; private init; } = [];

    /// <summary>What only A has.</summary>
    public IReadOnlyList<Measurement> OnlyInA { get; private init; } = [];

    /// <summary>What only B has.</summary>
    public IReadOnlyList<Measurement> OnlyInB { get; private init; } = [];

    /// <summary>What happened to all measurements alike.</summary>
    public required MachineDrift Drift { get; init; }

    /// <summary>The same of those that mostly move bytes and of those that compute, where there are enough of both and they are apart: each is judged by its own.</summary>
    public (MachineDrift Memory, MachineDrift Arithmetic)? DriftByLimit { get; private init; }

    /// <summary>What a reader must know before the ratios.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Slower, or no longer timed.</summary>
    public IEnumerable<ComparedMeasurement> Regressions => Measurements.Where(m => m.Verdict is Verdict.Slower or Verdict.NoLongerTimed);

    /// <summary>Whether B is slower than A beyond what noise explains.</summary>
    public bool IsSlower => Drift.BuildIsSlower || Regressions.Any();

    /// <summary>Compares what both have.</summary>
    /// <exception cref="BenchException">There is nothing to compare: no measurement in common, or an emulated device's.</exception>
    public static ResultsComparison Of(BenchResults a, BenchResults b)
    {
        if (a.Machine.Emulated || b.Machine.Emulated)
            throw new BenchException($"{(a.Machine.Emulated ? "A" : "B")} was measured on an emulated device: its times are meaningless, and nothing was compared");
        Dictionary<string, Measurement> ofB = b.Measurements.ToDictionary(m => m.Key);
        HashSet<string> keysOfA = [.. a.Measurements.Select(m => m.Key)];
        List<(Measurement A, Measurement B)> common = [.. a.Measurements.Where(m => ofB.ContainsKey(m.Key)).Select(m => (m, ofB[m.Key]))];
        if (common.Count == 0)
            throw new BenchException($"no measurement is in both files: A has {a.Measurements.Count} of \"{a.Command}\", B {b.Measurements.Count} of \"{b.Command}\"; compare two runs of one command");

        List<(Measurement A, Measurement B)> timed = [.. common.Where(pair => pair.A.Seconds.Count > 0 && pair.B.Seconds.Count > 0)];
        Dictionary<string, (IReadOnlyList<double> A, IReadOnlyList<double> B)> runs = timed.ToDictionary(
            pair => pair.A.Key, pair => (ComparableRuns.Of(pair.A.Seconds, a.Processes), ComparableRuns.Of(pair.B.Seconds, b.Processes)));
        double usual = Statistics.Median([.. runs.Values.SelectMany(pair => new[] { pair.A, pair.B }).Where(of => of.Count > 1).Select(TimeRatio.Scatter).DefaultIfEmpty()]);
        Dictionary<string, TimeRatio> ratios = runs.ToDictionary(pair => pair.Key, pair => TimeRatio.Of(pair.Value.A, pair.Value.B, usual));
        List<ComparedMeasurement> ours = [.. timed.Where(pair => IsOurs(pair.A)).Select(pair => new ComparedMeasurement(pair.A, pair.B, Verdict.Same) { Seconds = (SecondsOf(pair.A, a), SecondsOf(pair.B, b)) })];
        MachineDrift drift = MachineDrift.Between(a, b, [.. ours.Select(m => ratios[m.A.Key])]);
        (HashSet<string> movesBytes, MachineDrift? ofMemory, MachineDrift? ofArithmetic) = ByLimit(a, b, ours, ratios);

        return new(a, b)
        {
            Drift = drift,
            DriftByLimit = ofMemory is null ? null : (ofMemory, ofArithmetic!),
            Measurements = [.. common.Select(pair => Judge(pair.A, pair.B, (SecondsOf(pair.A, a), SecondsOf(pair.B, b)), ratios, (movesBytes.Contains(pair.A.Key) ? ofMemory : ofArithmetic) ?? drift, ours.Count)).OrderByDescending(m => m.Verdict == Verdict.NoLongerTimed).ThenByDescending(m => m.Ratio ?? 0)],
            OnlyInA = [.. a.Measurements.Where(m => !ofB.ContainsKey(m.Key))],
            OnlyInB = [.. b.Measurements.Where(m => !keysOfA.Contains(m.Key))],
            Warnings = [.. Differences(a.Machine, b.Machine), .. a.Notes.Select(note => $"A: {note}"), .. b.Notes.Select(note => $"B: {note}")],
        };
    }

    // Two states of a machine may be a factor of two apart for what moves bytes, and nothing for what computes.
    private static (HashSet<string> MovesBytes, MachineDrift? Memory, MachineDrift? Arithmetic) ByLimit(BenchResults a, BenchResults b, List<ComparedMeasurement> ours, Dictionary<string, TimeRatio> ratios)
    {
        HashSet<string> movesBytes = [.. ours.Where(m => (ShareOfBytes(m.A, m.Seconds.A, a) + ShareOfBytes(m.B, m.Seconds.B, b)) / 2 >= LeastShareOfBytes).Select(m => m.A.Key)];
        if (Math.Min(movesBytes.Count, ours.Count - movesBytes.Count) < MachineDrift.Enough) return ([], null, null);
        ILookup<bool, TimeRatio> byLimit = ours.ToLookup(m => movesBytes.Contains(m.A.Key), m => ratios[m.A.Key]);
        MachineDrift memory = MachineDrift.Between(a, b, [.. byLimit[true]]), arithmetic = MachineDrift.Between(a, b, [.. byLimit[false]]);
        return memory.IsApartFrom(arithmetic) ? (movesBytes, memory, arithmetic) : ([], null, null);
    }

    /// <summary>The part of its time that its bytes would take at the file's own copy; 0 where either is unknown.</summary>
    private static double ShareOfBytes(Measurement measurement, double? seconds, BenchResults file)
        => measurement.Bytes / file.Ceilings.FirstOrDefault(static ceiling => ceiling.Name == Work.Copy)?.PerSecond / seconds ?? 0;

    private static ComparedMeasurement Judge(Measurement a, Measurement b, (double? A, double? B) seconds, Dictionary<string, TimeRatio> ratios, MachineDrift drift, int family)
    {
        if (!ratios.TryGetValue(a.Key, out TimeRatio ratio))
            return new(a, b, a.Seconds.Count == 0 ? Verdict.Same : IsOurs(a) ? Verdict.NoLongerTimed : Verdict.Peer) { Seconds = seconds };
        ComparedMeasurement compared = new(a, b, Verdict.Peer) { Seconds = seconds, Ratio = Math.Exp(ratio.Log), Expected = Math.Exp(drift.ExpectedLog) };
        if (!IsOurs(a)) return compared;

        (double variance, double freedom) = drift.Added(ratio);
        double bound = Math.Max(Math.Log(LeastRelevant), StudentQuantile.Above(FalseAlarms / family, freedom) * Math.Sqrt(variance));
        double beyond = ratio.Log - drift.ExpectedLog;
        bool certain = Math.Abs(beyond) > bound
            && drift.LeastDisturbed(ratio, Math.Sign(beyond)) > Math.Max(LeastDisturbedPartOfBound * bound, LeastDisturbedPartOfRatio * Math.Abs(beyond));
        return compared with
        {
            Verdict = !certain ? Verdict.Same : beyond > 0 ? Verdict.Slower : Verdict.Faster,
            Limit = Math.Exp(drift.ExpectedLog + bound),
        };
    }

    private static double? SecondsOf(Measurement measurement, BenchResults file)
        => measurement.Seconds.Count == 0 ? null : Statistics.Median(ComparableRuns.Of(measurement.Seconds, file.Processes));

    private static bool IsOurs(Measurement measurement) => measurement.Runner.StartsWith("wavlm", StringComparison.Ordinal);

    private static IEnumerable<string> Differences(Machine a, Machine b)
    {
        if (a.Device != b.Device) yield return $"A ran on {a.Device}, B on {b.Device}: the ratios tell the machines apart as much as the builds";
        else if (a.Processor != b.Processor) yield return $"A ran on {a.Processor}, B on {b.Processor}: the ratios tell the machines apart as much as the builds";
        if (a.Threads != b.Threads) yield return $"A ran with {a.Threads} threads, B with {b.Threads}";
        if (a.Device == b.Device && a.DeviceSet != b.DeviceSet) yield return $"libraries or settings differ: A \"{a.DeviceSet}\", B \"{b.DeviceSet}\"";
    }
}
