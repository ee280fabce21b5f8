namespace WavLM.Cuda.Bench.Report;

/// <summary>A precision has one colour and one shape on the whole page; print and eyes that mix up colours have the shape.</summary>
internal static class Series
{
    private static readonly string[] Known = ["fp16", "bf16", "fp32", "int8"];

    /// <summary>The class that has the colour.</summary>
    public static string Of(string precision) => Known.Contains(precision) ? precision : "other";

    /// <summary>Of "gemm fp16".</summary>
    public static string OfCeiling(string name) => Of(name[(name.LastIndexOf(' ') + 1)..]);

    /// <summary>A circle, a square, a diamond or a triangle.</summary>
    public static void WriteMark(MarkupWriter page, string precision, double x, double y, double r)
    {
        switch (precision)
        {
            case "fp16":
                page.Write($"""<circle cx="{x}" cy="{y}" r="{r}"/>""");
                break;
            case "fp32":
                page.Write($"""<rect x="{x - 0.9 * r}" y="{y - 0.9 * r}" width="{1.8 * r}" height="{1.8 * r}"/>""");
                break;
            case "bf16":
                page.Write($"""<path d="M{x} {y - 1.3 * r}L{x + 1.3 * r} {y}L{x} {y + 1.3 * r}L{x - 1.3 * r} {y}Z"/>""");
                break;
            default:
                page.Write($"""<path d="M{x} {y - 1.2 * r}L{x + 1.2 * r} {y + r}L{x - 1.2 * r} {y + r}Z"/>""");
                break;
        }
    }

    /// <summary>Which shape is which precision; nothing for a single one.</summary>
    public static void WriteLegend(MarkupWriter page, IEnumerable<string> precisions)
    {
        page.WriteConstant("""<div class="legend">""");
        foreach (string precision in precisions.Distinct().Order(StringComparer.Ordinal))
        {
            page.Write($"""<span><svg class="key" viewBox="0 0 14 14"><g class="mark {Of(precision)}">""");
            WriteMark(page, precision, 7, 7, 4.5);
            page.Write($"""</g></svg>{precision}</span>""");
        }
        page.WriteConstant("</div>");
    }
}
