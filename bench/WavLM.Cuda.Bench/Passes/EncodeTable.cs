using System.Globalization;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>Whole passes as text.</summary>
internal static class EncodeTable
{
    public static void Write(TextWriter to, Measurement pass, IReadOnlyList<Ceiling> ceilings)
    {
        if (pass.NotTimed is not null)
        {
            to.WriteLine($"{pass.Name}, {pass.Case}, {pass.Precision}: not timed: {pass.NotTimed}");
            return;
        }
        double median = Statistics.Median(pass.Seconds);
        to.WriteLine(Invariant($"{pass.Name}, {pass.Case}, {pass.Precision}: {median * 1e3:N1} ms ± {Statistics.Spread(pass.Seconds):P1} of {pass.Seconds.Count}; {pass.AudioSeconds / median:N0}x real time{Utilisation(pass, median, ceilings)}{(pass.PeakBytes is { } peak ? Invariant($"; tensors at most {peak / 1e6:N0} MB so far") : "")}"));
        to.WriteLine(Invariant($"  {"stage",-32}{"ms",9}{"share",9}{"least ms",11}{"of the limit",15}"));
        foreach (StageTime stage in pass.Stages)
        {
            double? least = LeastSeconds(stage, ceilings);
            to.WriteLine(Invariant($"  {stage.Name,-32}{stage.Seconds * 1e3,9:N2}{stage.Seconds / median,9:P1}{least * 1e3,11:N2}{least / stage.Seconds,15:P0}"));
        }
    }

    /// <summary>Of bytes / copy and FLOPs / ceiling the larger; null where either is unknown.</summary>
    internal static double? LeastSeconds(StageTime stage, IReadOnlyList<Ceiling> ceilings)
    {
        double? copy = ceilings.FirstOrDefault(static ceiling => ceiling.Name == "copy")?.PerSecond;
        double? products = ceilings.FirstOrDefault(ceiling => ceiling.Name == stage.Ceiling)?.PerSecond;
        return stage.Bytes / copy is { } memory && stage.Flops / products is { } arithmetic ? Math.Max(memory, arithmetic) : null;
    }

    private static string Utilisation(Measurement pass, double median, IReadOnlyList<Ceiling> ceilings)
        => ceilings.FirstOrDefault(ceiling => ceiling.Name == pass.Ceiling) is { } ceiling
            ? Invariant($"; {pass.Flops / median / 1e12:N2} TFLOP/s, {pass.Flops / median / ceiling.PerSecond:P0} of {ceiling.Name}")
            : "";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
