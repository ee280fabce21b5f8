using WavLM.Cuda.Bench.Comparison;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>The part of a page that says what is slower: the sentences of the terminal, and each ratio beside the band that passes for noise.</summary>
internal static class ComparisonSection
{
    private const double BarWidth = 190, BarHeight = 14, Radius = 4;

    // The bars show at least so much to either side, and at most so much: what lies beyond is drawn at the edge.
    private const double LeastReach = 1.1, MostReach = 2;

    public static void Write(MarkupWriter page, ResultsComparison comparison, ComparisonText text)
    {
        page.Write($"""<section><h2>Comparison</h2><p class="verdict {(comparison.IsSlower ? "slower" : "same")}">{Sentence(text.Summary())}</p>""");
        foreach (string sentence in comparison.Warnings.Concat(text.AboutTheMachine())) page.Write($"""<p class="note">{Sentence(sentence)}</p>""");
        page.WriteConstant("""
            <div class="legend"><span><i class="swatch noise"></i>what passes for noise</span><span><i class="dot same"></i>within</span>
            <span><i class="dot slower"></i>slower</span><span><i class="dot faster"></i>faster</span></div>
            <div class="scroll"><table data-plot="comparison"><thead><tr><th>name</th><th>case</th><th>precision</th><th class="number">A</th><th class="number">B</th>
            <th class="number">B / A</th><th class="number">limit</th><th></th><th>verdict</th></tr></thead><tbody>
            """);
        double reach = Reach(comparison);
        foreach (ComparedMeasurement m in comparison.Measurements) WriteRow(page, m, reach);
        page.WriteConstant("</tbody></table></div>");
        WriteOnlyIn(page, "A", comparison.OnlyInA);
        WriteOnlyIn(page, "B", comparison.OnlyInB);
        page.WriteConstant("</section>");
    }

    private static double Reach(ResultsComparison comparison)
    {
        IEnumerable<double> reaches = comparison.Measurements.SelectMany(m => new[] { m.Ratio / m.Expected, m.Limit / m.Expected }).OfType<double>();
        return Math.Clamp(reaches.Select(r => Math.Max(r, 1 / r)).Append(LeastReach).Max() * 1.02, LeastReach, MostReach);
    }

    private static void WriteRow(MarkupWriter page, ComparedMeasurement m, double reach)
    {
        string name = m.A.Runner == "wavlm" ? m.A.Name : $"{m.A.Name} ({m.A.Runner})";
        page.Write($"""<tr><td>{name}</td><td>{m.A.Case}</td><td>{m.A.Precision}</td><td class="number">{Time(m.Seconds.A)}</td><td class="number">{Time(m.Seconds.B)}</td>""");
        page.Write($"""<td class="number">{(m.Ratio is { } ratio ? Units.Ratio(ratio) : "")}</td><td class="number">{(m.Limit is { } limit ? Units.Ratio(limit) : "")}</td><td class="ratio">""");
        WriteBar(page, m, reach);
        page.Write($"""</td><td class="word {Style(m.Verdict)}">{ComparisonText.Word(m)}</td></tr>""");
    }

    private static void WriteBar(MarkupWriter page, ComparedMeasurement m, double reach)
    {
        if (m.Ratio is not { } ratio) return;
        page.Write($"""<svg viewBox="0 0 {BarWidth} {BarHeight}">""");
        double bound = m.Limit / m.Expected ?? 1, left = At(1 / bound, reach), right = At(bound, reach);
        page.Write($"""<rect class="noise" x="{left}" y="1" width="{right - left}" height="{BarHeight - 2}"/>""");
        page.Write($"""<line class="grid" x1="{BarWidth / 2}" x2="{BarWidth / 2}" y1="0" y2="{BarHeight}"/>""");
        page.Write($"""<circle class="{Style(m.Verdict)}" cx="{At(ratio / m.Expected, reach)}" cy="{BarHeight / 2}" r="{Radius}"/></svg>""");
    }

    private static double At(double ratio, double reach)
        => BarWidth / 2 + (BarWidth / 2 - Radius - 1) * Math.Clamp(Math.Log(ratio) / Math.Log(reach), -1, 1);

    private static void WriteOnlyIn(MarkupWriter page, string file, IReadOnlyList<Measurement> measurements)
    {
        if (measurements.Count > 0) page.Write($"""<p class="note">{$"Only in {file}: {string.Join("; ", measurements.Select(m => $"{m.Name} {m.Case} {m.Precision}"))}."}</p>""");
    }

    private static string Style(Verdict verdict) => verdict switch
    {
        Verdict.Slower or Verdict.NoLongerTimed => "slower",
        Verdict.Faster => "faster",
        _ => "same",
    };

    private static string Time(double? seconds) => seconds is null ? "–" : Units.Time(seconds.Value);

    private static string Sentence(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
}
