using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>Who is how fast at the same work: times real time, a bar a runner, the fastest first.</summary>
internal static class PeerPlot
{
    private const double Width = 1040, Names = 250, Bars = 560, Row = 24, BarHeight = 15;

    /// <summary>One workload's runners.</summary>
    public static void Write(MarkupWriter page, string title, IEnumerable<Measurement> measurements)
    {
        List<(Measurement Measurement, double Speed)> runners = [.. measurements
            .Select(m => (m, m.Seconds.Count > 0 && m.AudioSeconds > 0 ? m.AudioSeconds.Value / Statistics.Median(m.Seconds) : 0))
            .OrderByDescending(runner => runner.Item2)];
        double fastest = runners[0].Speed;
        if (fastest == 0) return;

        page.Write($"""<figure class="plot" data-plot="peers"><figcaption>{title}<small>times real time</small></figcaption>""");
        page.Write($"""<svg viewBox="0 0 {Width} {Row * runners.Count + 4}" role="img" aria-label="{title}">""");
        for (int i = 0; i < runners.Count; i++)
        {
            (Measurement m, double speed) = runners[i];
            double top = Row * i;
            page.Write($"""<text class="{(IsOurs(m) ? "name strong" : "name")}" x="{Names - 10}" y="{top + 16}" text-anchor="end">{m.Runner} {m.Precision}</text>""");
            if (speed == 0)
            {
                page.Write($"""<text class="reason" x="{Names}" y="{top + 16}">{$"not timed: {m.NotTimed ?? "no reason given"}"}</text>""");
                continue;
            }
            double length = Bars * speed / fastest;
            page.Write($"""<rect class="{(IsOurs(m) ? "ours" : "theirs")}" x="{Names}" y="{top + 4}" width="{length}" height="{BarHeight}"/>""");
            page.Write($"""<text class="number strong" x="{Names + length + 8}" y="{top + 16}">{Units.Digits(speed)}×</text>""");
            if (Against(m, speed, runners) is { } ratio) page.Write($"""<text class="reason" x="{Width - 2}" y="{top + 16}" text-anchor="end">{ratio}</text>""");
        }
        page.WriteConstant("</svg></figure>");
    }

    public static bool IsOurs(Measurement m) => m.Runner.StartsWith("wavlm", StringComparison.Ordinal);

    // Against ours of the same precision, else against our fastest.
    private static string? Against(Measurement m, double speed, List<(Measurement Measurement, double Speed)> runners)
    {
        if (IsOurs(m)) return null;
        (Measurement? ours, double ourSpeed) = runners.FirstOrDefault(r => IsOurs(r.Measurement) && r.Speed > 0 && r.Measurement.Precision == m.Precision);
        if (ours is null) (ours, ourSpeed) = runners.FirstOrDefault(r => IsOurs(r.Measurement) && r.Speed > 0);
        return ours is null ? null : $"{ours.Runner} {ours.Precision} is {Units.Digits(ourSpeed / speed)}× as fast";
    }
}
