using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Comparison;

/// <summary>What is said of one measurement.</summary>
internal enum Verdict
{
    /// <summary>No difference that could be told from noise.</summary>
    Same,

    /// <summary>B is faster beyond the noise.</summary>
    Faster,

    /// <summary>B is slower beyond the noise.</summary>
    Slower,

    /// <summary>A had times, B has a reason for none.</summary>
    NoLongerTimed,

    /// <summary>Another engine's: it tells nothing about this one.</summary>
    Peer,
}

/// <summary>A measurement that both files have.</summary>
/// <param name="A">As A has it.</param>
/// <param name="B">As B has it.</param>
/// <param name="Verdict">The judgement.</param>
internal sealed record ComparedMeasurement(Measurement A, Measurement B, Verdict Verdict)
{
    /// <summary>What is compared of each file's times: the median of its <see cref="ComparableRuns" />; none without times.</summary>
    public (double? A, double? B) Seconds { get; init; }

    /// <summary>B's time over A's; none without times.</summary>
    public double? Ratio { get; init; }

    /// <summary>The ratio that is expected where nothing changed: the machine's own drift.</summary>
    public double Expected { get; init; } = 1;

    /// <summary>The largest ratio that passes for noise; none without times.</summary>
    public double? Limit { get; init; }

    /// <summary>Name, case, precision and, where it is another, who ran it.</summary>
    public string Title => string.Join(' ', new[] { A.Name, A.Case, A.Precision, A.Runner == "wavlm" ? "" : $"({A.Runner})" }.Where(word => word.Length > 0));
}
