using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>What the machine allows at most, by its own measured ceilings.</summary>
internal sealed class Roofline(IReadOnlyList<Ceiling> ceilings)
{
    private readonly Dictionary<string, double> _perSecond = ceilings.DistinctBy(c => c.Name).ToDictionary(c => c.Name, c => c.PerSecond);

    /// <summary>Bytes a second, those read and those written together.</summary>
    public double? Copy => Of("copy");

    /// <summary>The ceilings of arithmetic, the lowest first.</summary>
    public IEnumerable<Ceiling> Arithmetic => ceilings.Where(c => c.Unit == "flop").OrderBy(c => c.PerSecond);

    /// <summary>The longer of the time for the bytes and the time for the arithmetic; none where neither is known.</summary>
    public double? LeastSeconds(Measurement m) => LeastSeconds(m.Bytes, m.Flops, m.Ceiling);

    /// <inheritdoc cref="LeastSeconds(Measurement)" />
    public double? LeastSeconds(StageTime stage) => LeastSeconds(stage.Bytes, stage.Flops, stage.Ceiling);

    private double? LeastSeconds(double? bytes, double? flops, string? ceiling)
    {
        double? moving = bytes / Copy, computing = ceiling is null ? null : flops / Of(ceiling);
        double least = Math.Max(moving ?? 0, computing ?? 0);
        return least > 0 ? least : null;
    }

    private double? Of(string name) => _perSecond.TryGetValue(name, out double perSecond) ? perSecond : null;
}
