using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>Where the time of a whole pass went: a bar a stage, and in it the least time that the ceilings allow.</summary>
internal static class StagePlot
{
    private const double Width = 510, Names = 200, Bars = 176, Row = 21, Head = 20, BarHeight = 13;
    private const int MostCharacters = 27;

    /// <summary>One measurement's stages, in their order.</summary>
    public static void Write(MarkupWriter page, Measurement m, Roofline roofline)
    {
        double?[] least = [.. m.Stages.Select(roofline.LeastSeconds)];
        bool hasLeast = least.Any(l => l is not null);
        double longest = m.Stages.Max(s => s.Seconds), sum = m.Stages.Sum(s => s.Seconds), height = Head + Row * (m.Stages.Count + 1) + 6;
        if (longest <= 0) return;

        string title = $"{m.Name}, {m.Case}, {m.Precision}";
        page.Write($"""<figure class="plot half" data-plot="stages"><figcaption>{title}<small>{Subtitle(m)}</small></figcaption>""");
        page.Write($"""<svg viewBox="0 0 {Width} {height}" role="img" aria-label="{title}">""");
        page.Write($"""<text class="tick" x="{Width - 62}" y="12" text-anchor="end">time</text><text class="tick" x="{Width - 2}" y="12" text-anchor="end">{(hasLeast ? "of limit" : "share")}</text>""");
        for (int i = 0; i < m.Stages.Count; i++)
        {
            StageTime stage = m.Stages[i];
            double top = Head + Row * i;
            page.Write($"""<text class="name" x="{Names - 8}" y="{top + 14}" text-anchor="end">{Shortened(stage.Name)}</text>""");
            page.Write($"""<rect class="measured" x="{Names}" y="{top + 3}" width="{Bars * stage.Seconds / longest}" height="{BarHeight}"/>""");
            if (least[i] is { } limit) page.Write($"""<rect class="least" x="{Names}" y="{top + 3}" width="{Bars * Math.Min(limit / longest, 1)}" height="{BarHeight}"/>""");
            WriteNumbers(page, top, "number", stage.Seconds, hasLeast ? least[i] / stage.Seconds : stage.Seconds / sum);
        }
        double last = Head + Row * m.Stages.Count;
        page.Write($"""<line class="grid" x1="0" x2="{Width}" y1="{last + 1}" y2="{last + 1}"/><text class="name strong" x="{Names - 8}" y="{last + 16}" text-anchor="end">all stages</text>""");
        WriteNumbers(page, last + 2, "number strong", sum, hasLeast ? least.Sum() / sum : 1);
        page.WriteConstant("</svg></figure>");
    }

    /// <summary>What the two colours are.</summary>
    public static void WriteLegend(MarkupWriter page) => page.WriteConstant("""
        <div class="legend"><span><i class="swatch measured"></i>measured, median</span><span><i class="swatch least"></i>least time by the ceilings: the longer of bytes / copy and FLOPs / gemm</span></div>
        """);

    private static void WriteNumbers(MarkupWriter page, double top, string style, double seconds, double? part)
    {
        page.Write($"""<text class="{style}" x="{Width - 62}" y="{top + 14}" text-anchor="end">{Units.Time(seconds)}</text>""");
        if (part is { } known) page.Write($"""<text class="{style}" x="{Width - 2}" y="{top + 14}" text-anchor="end">{Units.Percent(known)}</text>""");
    }

    private static string Subtitle(Measurement m)
    {
        if (m.Seconds.Count == 0) return "";
        double median = Statistics.Median(m.Seconds);
        return $"{Units.Time(median)}{(m.AudioSeconds is { } audio ? $" · {Units.Digits(audio / median)}× real time" : "")}";
    }

    private static string Shortened(string name) => name.Length <= MostCharacters ? name : name[..(MostCharacters - 1)] + "…";
}
