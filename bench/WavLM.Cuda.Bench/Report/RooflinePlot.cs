using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Report;

/// <summary>
/// Arithmetic intensity against speed, both logarithmic: the slope is what the memory allows, each flat line what a precision's
/// arithmetic allows, and the distance of a mark to its roof is what is left to win.
/// </summary>
internal sealed class RooflinePlot
{
    private const double Width = 1040, Height = 600, Left = 62, Right = 1028, Top = 10, Bottom = 552, MarkRadius = 4.5;

    // Above the highest roof there is room for names.
    private const double Headroom = 5;

    // Measurements of one name that lie farther apart are named once more, with their case.
    private const double Apart = 130;

    private readonly IReadOnlyList<Measurement> _measurements;
    private readonly IReadOnlyList<Ceiling> _arithmetic;
    private readonly double? _copy;
    private readonly LogAxis _x, _y;
    private readonly double _unit;
    private readonly string _unitName;
    private readonly LabelPlacement _labels = new(new(Left + 2, Top, Right - 2, Bottom - 2));

    private RooflinePlot(IReadOnlyList<Measurement> measurements, Roofline roofline)
    {
        _measurements = measurements;
        HashSet<string?> held = [.. measurements.Select(m => m.Ceiling)];
        _arithmetic = [.. roofline.Arithmetic.Where(c => held.Contains(c.Name))];
        _copy = roofline.Copy;
        List<double> intensities = [.. measurements.Select(Intensity)], speeds = [.. measurements.Select(Speed), .. _arithmetic.Select(c => c.PerSecond)];
        if (_copy is { } copy) intensities.AddRange(_arithmetic.Select(c => c.PerSecond / copy));
        (_unit, _unitName) = speeds.Max() >= 1e12 ? (1e12, "TFLOP/s") : (1e9, "GFLOP/s");
        _x = new(intensities.Min() / 2, intensities.Max() * 3, Left, Right);
        _y = new(speeds.Min() / 2 / _unit, speeds.Max() * Headroom / _unit, Bottom, Top);
    }

    /// <summary>Whether it can be drawn: timed, with bytes and arithmetic.</summary>
    public static bool Shows(Measurement m) => m.Seconds.Count > 0 && m.Bytes > 0 && m.Flops > 0;

    /// <summary>Draws what <see cref="Shows" /> holds of; nothing where there is none.</summary>
    public static void Write(MarkupWriter page, IEnumerable<Measurement> measurements, Roofline roofline, string title)
    {
        List<Measurement> shown = [.. measurements.Where(Shows)];
        if (shown.Count > 0) new RooflinePlot(shown, roofline).Write(page, title);
    }

    private static double Intensity(Measurement m) => m.Flops!.Value / m.Bytes!.Value;

    private static double Speed(Measurement m) => m.Flops!.Value / Statistics.Median(m.Seconds);

    private double X(Measurement m) => _x[Intensity(m)];

    private double Y(Measurement m) => _y[Speed(m) / _unit];

    private void Write(MarkupWriter page, string title)
    {
        page.Write($"""<figure class="plot" data-plot="roofline"><figcaption>{title}</figcaption>""");
        Series.WriteLegend(page, _measurements.Select(m => m.Precision));
        page.Write($"""<svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{title}">""");
        WriteGrid(page);
        foreach (Measurement m in _measurements) _labels.KeepMark(X(m), Y(m), 2 * MarkRadius);
        WriteRoofs(page);
        foreach (PlacedLabel label in _labels.Place(Wanted())) WriteLabel(page, label);
        foreach (Measurement m in _measurements.OrderBy(m => m.Precision, StringComparer.Ordinal)) WriteMark(page, m);
        page.WriteConstant("</svg></figure>");
    }

    private void WriteGrid(MarkupWriter page)
    {
        foreach ((double value, bool named) in _x.Lines())
        {
            page.Write($"""<line class="{(named ? "grid" : "grid faint")}" x1="{_x[value]}" x2="{_x[value]}" y1="{Top}" y2="{Bottom}"/>""");
            if (named) page.Write($"""<text class="tick" x="{_x[value]}" y="{Bottom + 18}" text-anchor="middle">{Units.Plain(value)}</text>""");
        }
        foreach ((double value, bool named) in _y.Lines())
        {
            page.Write($"""<line class="{(named ? "grid" : "grid faint")}" x1="{Left}" x2="{Right}" y1="{_y[value]}" y2="{_y[value]}"/>""");
            if (named) page.Write($"""<text class="tick" x="{Left - 8}" y="{_y[value] + 4}" text-anchor="end">{Units.Plain(value)}</text>""");
        }
        page.Write($"""<text class="axis" x="{(Left + Right) / 2}" y="{Height - 10}" text-anchor="middle">FLOP per byte moved</text>""");
        page.Write($"""<text class="axis" x="14" y="{(Top + Bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 {(Top + Bottom) / 2})">{_unitName}</text>""");
    }

    private void WriteRoofs(MarkupWriter page)
    {
        if (_copy is { } copy) WriteSlope(page, copy);
        foreach (Ceiling ceiling in _arithmetic)
        {
            double y = _y[ceiling.PerSecond / _unit], from = _copy is { } slope ? Math.Max(Left, _x[ceiling.PerSecond / slope]) : Left;
            string text = $"{ceiling.Name} · {Units.Rate(ceiling.PerSecond, ceiling.Unit)}", series = Series.OfCeiling(ceiling.Name);
            page.Write($"""<line class="roof {series}" x1="{from}" x2="{Right}" y1="{y}" y2="{y}"/>""");
            _labels.KeepLine(from, y, Right, y);
            Box name = PlaceOnRoof(y, LabelPlacement.Width(text, bold: true));
            page.Write($"""<text class="roof-name {series}" x="{name.Right}" y="{y - 6}" text-anchor="end">{text}</text>""");
            _labels.Keep(name);
        }
    }

    // At the right end, or as far to the left as marks and the names of roofs of nearly the same height demand.
    private Box PlaceOnRoof(double y, double width)
    {
        Box last = new(Right - 4 - width, y - 18, Right - 4, y - 3), place = last;
        while (!_labels.IsEmpty(place) && place.Left > Left) place = place with { Left = place.Left - 12, Right = place.Right - 12 };
        return _labels.IsEmpty(place) ? place : last;
    }

    private void WriteSlope(MarkupWriter page, double copy)
    {
        double top = _arithmetic.Count > 0 ? _arithmetic[^1].PerSecond / _unit : _y.Most;
        double first = Math.Max(_x.Least, _y.Least * _unit / copy), last = Math.Min(_x.Most, top * _unit / copy);
        if (first >= last) return;
        (double x0, double y0, double x1, double y1) = (_x[first], _y[first * copy / _unit], _x[last], _y[last * copy / _unit]);
        page.Write($"""<line class="roof memory" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>""");
        _labels.KeepLine(x0, y0, x1, y1);
        double degrees = Math.Atan2(y1 - y0, x1 - x0) * 180 / Math.PI, length = Math.Sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0));
        string text = $"copy · {Units.Rate(copy, "byte")}";
        double width = LabelPlacement.Width(text, bold: true);
        if (length < width + 40) return;
        double alongX = (x1 - x0) / length, alongY = (y1 - y0) / length, start = Math.Min(0.06 * length + 10, length - width);
        Box[] BoxesFrom(double first) => [.. Enumerable.Range(0, (int)(width / 10) + 1).Select(i => first + 10 * i).Select(at => Box.Around(x0 + at * alongX + 11 * alongY, y0 + at * alongY - 11 * alongX, 16, 16))];
        double free = start;
        while (!BoxesFrom(free).All(_labels.IsEmpty) && free + width < length) free += 12;
        if (free + width < length) start = free;
        (double x, double y) = (x0 + start * alongX, y0 + start * alongY);
        page.Write($"""<text class="roof-name memory" x="{x}" y="{y}" dy="-7" transform="rotate({degrees} {x} {y})">{text}</text>""");
        foreach (Box box in BoxesFrom(start)) _labels.Keep(box);
    }

    // A name is written once, at the largest of its measurements that has room. Where some lie far away, they have it too, and their case.
    private IEnumerable<(string Text, IReadOnlyList<(double X, double Y)> Marks)> Wanted()
    {
        foreach (IGrouping<string, Measurement> ofName in _measurements.GroupBy(m => m.Name))
        {
            List<List<Measurement>> places = [];
            foreach (Measurement m in ofName.OrderByDescending(m => m.Flops))
            {
                List<Measurement>? near = places.Find(place => Math.Abs(X(m) - X(place[0])) < Apart && Math.Abs(Y(m) - Y(place[0])) < Apart);
                if (near is null) places.Add([m]);
                else near.Add(m);
            }
            foreach (List<Measurement> place in places)
                yield return (places.Count == 1 ? ofName.Key : $"{ofName.Key}, {place[0].Case} {place[0].Precision}", [.. place.Select(m => (X(m), Y(m)))]);
        }
    }

    private static void WriteLabel(MarkupWriter page, PlacedLabel label)
    {
        (double x, double y) = label.Box.Nearest(label.MarkX, label.MarkY);
        if (Math.Abs(x - label.MarkX) + Math.Abs(y - label.MarkY) > 14) page.Write($"""<line class="leader" x1="{label.MarkX}" y1="{label.MarkY}" x2="{x}" y2="{y}"/>""");
        bool fromRight = label.Box.MiddleX < label.MarkX - label.Box.Right + label.Box.MiddleX, centred = Math.Abs(label.Box.MiddleX - label.MarkX) < 8;
        (double at, string anchor) = centred ? (label.Box.MiddleX, "middle") : fromRight ? (label.Box.Right, "end") : (label.Box.Left, "start");
        page.Write($"""<text class="label" x="{at}" y="{label.Box.Bottom - 3.5}" text-anchor="{anchor}">{label.Text}</text>""");
    }

    private void WriteMark(MarkupWriter page, Measurement m)
    {
        page.Write($"""<g class="mark {Series.Of(m.Precision)}"><title>{$"{m.Name}, {m.Case}, {m.Precision}: {Units.Time(Statistics.Median(m.Seconds))}, {Units.Rate(Speed(m), "flop")}"}</title>""");
        Series.WriteMark(page, m.Precision, X(m), Y(m), MarkRadius);
        page.WriteConstant("</g>");
    }
}
