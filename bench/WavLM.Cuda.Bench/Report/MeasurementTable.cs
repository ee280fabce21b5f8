using System.Globalization;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>Every measurement of a group in numbers; a column that nobody fills is left out.</summary>
internal static class MeasurementTable
{
    private sealed record Column(string Title, Func<Measurement, string?> Cell);

    private const string Runner = "runner", Giga = "GFLOP/s", Tera = "TFLOP/s";

    private static readonly Column[] Words =
    [
        new("name", m => m.Name),
        new(Runner, m => m.Runner),
        new("case", m => m.Case),
        new("precision", m => m.Precision),
        new("shape", m => m.Shape),
    ];

    private static readonly Column[] Numbers =
    [
        new("median", m => Timed(m, seconds => Units.Time(seconds))),
        new("spread", m => m.Seconds.Count > 1 ? $"± {Units.Percent(Statistics.Spread(m.Seconds))}" : ""),
        new("runs", m => Units.Plain(m.Seconds.Count)),
        new("GB/s", m => Timed(m, seconds => Rate(m.Bytes / 1e9, seconds))),
        new(Giga, m => Timed(m, seconds => Rate(m.Flops / 1e9, seconds))),
        new(Tera, m => Timed(m, seconds => Rate(m.Flops / 1e12, seconds))),
        new("× real time", m => Timed(m, seconds => Rate(m.AudioSeconds, seconds))),
        new("peak", m => m.PeakBytes is { } bytes ? Units.Bytes(bytes) : ""),
        new("error", m => m.RelativeError is { } error ? error.ToString(error == 0 ? "0" : "0.0e+0", CultureInfo.InvariantCulture) : ""),
    ];

    /// <summary>In the order they ran.</summary>
    public static void Write(MarkupWriter page, IReadOnlyList<Measurement> measurements, Roofline roofline)
    {
        bool isFast = measurements.Any(m => m.Seconds.Count > 0 && m.Flops / Statistics.Median(m.Seconds) >= 1e12);
        bool alone = measurements.All(m => m.Runner == "wavlm");
        Column[] words = Filled([.. Words.Where(column => !(alone && column.Title == Runner))], measurements), numbers = Filled([.. Numbers.Where(column => column.Title != (isFast ? Giga : Tera))], [.. measurements.Where(m => m.Seconds.Count > 0)]);
        bool hasShare = measurements.Any(m => Share(m, roofline) is not null);
        page.WriteConstant("""<div class="scroll"><table><thead><tr>""");
        foreach (Column column in words) page.Write($"<th>{column.Title}</th>");
        foreach (Column column in numbers) page.Write($"""<th class="number">{column.Title}</th>""");
        if (hasShare) page.WriteConstant("""<th class="number">of roofline</th>""");
        page.WriteConstant("</tr></thead><tbody>");
        foreach (Measurement m in measurements)
        {
            page.WriteConstant("<tr>");
            foreach (Column column in words) page.Write($"<td>{column.Cell(m)}</td>");
            if (m.Seconds.Count == 0)
            {
                page.Write($"""<td class="reason" colspan="{Math.Max(1, numbers.Length + (hasShare ? 1 : 0))}">{$"not timed: {m.NotTimed ?? "no reason given"}"}</td></tr>""");
                continue;
            }
            foreach (Column column in numbers) page.Write($"""<td class="number">{column.Cell(m)}</td>""");
            if (hasShare) WriteShare(page, Share(m, roofline));
            page.WriteConstant("</tr>");
        }
        page.WriteConstant("</tbody></table></div>");
    }

    private static Column[] Filled(Column[] columns, IReadOnlyList<Measurement> measurements)
        => [.. columns.Where(column => measurements.Any(m => column.Cell(m) is { Length: > 0 }))];

    private static string Timed(Measurement m, Func<double, string> cell) => m.Seconds.Count == 0 ? "" : cell(Statistics.Median(m.Seconds));

    private static string Rate(double? amount, double seconds) => amount > 0 ? Units.Digits(amount.Value / seconds) : "";

    private static double? Share(Measurement m, Roofline roofline) => m.Seconds.Count == 0 ? null : roofline.LeastSeconds(m) / Statistics.Median(m.Seconds);

    private static void WriteShare(MarkupWriter page, double? share)
    {
        if (share is not { } part) page.WriteConstant("<td></td>");
        else page.Write($"""<td class="number share"><svg viewBox="0 0 60 8"><rect class="track" width="60" height="8"/><rect class="least" width="{60 * Math.Min(part, 1)}" height="8"/></svg><span>{Units.Percent(part)}</span></td>""");
    }
}
