namespace WavLM.Cuda.Bench.Report;

/// <summary>A rectangle of a plot, in pixels.</summary>
/// <param name="Left">Pixel.</param>
/// <param name="Top">Pixel.</param>
/// <param name="Right">Pixel.</param>
/// <param name="Bottom">Pixel.</param>
internal readonly record struct Box(double Left, double Top, double Right, double Bottom)
{
    public static Box Around(double x, double y, double width, double height) => new(x - width / 2, y - height / 2, x + width / 2, y + height / 2);

    public double MiddleX => (Left + Right) / 2;

    public double MiddleY => (Top + Bottom) / 2;

    public bool Overlaps(Box other) => Left < other.Right && other.Left < Right && Top < other.Bottom && other.Top < Bottom;

    public bool Contains(Box other) => Left <= other.Left && Top <= other.Top && Right >= other.Right && Bottom >= other.Bottom;

    /// <summary>The point of the rectangle that is nearest.</summary>
    public (double X, double Y) Nearest(double x, double y) => (Math.Clamp(x, Left, Right), Math.Clamp(y, Top, Bottom));

    /// <summary>Whether a straight line from one point to another passes through.</summary>
    public bool IsCrossedBy(double x0, double y0, double x1, double y1)
    {
        (double first, double last) = (0, 1);
        foreach ((double start, double step, double low, double high) in ((double, double, double, double)[])[(x0, x1 - x0, Left, Right), (y0, y1 - y0, Top, Bottom)])
        {
            if (step == 0)
            {
                if (start < low || start > high) return false;
                continue;
            }
            double enters = (low - start) / step, leaves = (high - start) / step;
            first = Math.Max(first, Math.Min(enters, leaves));
            last = Math.Min(last, Math.Max(enters, leaves));
        }
        return first < last;
    }
}

/// <summary>A label that has found its place.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Box">Where.</param>
/// <param name="MarkX">What it names.</param>
/// <param name="MarkY">What it names.</param>
internal sealed record PlacedLabel(string Text, Box Box, double MarkX, double MarkY);

/// <summary>
/// Finds places for the labels of a plot one by one, those in the thickest crowd first: near one of its marks, inside the plot, over no
/// other label, no mark and no line. Its own line to the mark meets no label, and no other mark if that can be had. A label without a place is left out.
/// </summary>
internal sealed class LabelPlacement(Box plot)
{
    /// <summary>Of a label's line.</summary>
    public const double Height = 14;

    // Wide sans faces at 11 pixels, and bold ones at 12; narrower ones leave some air.
    private const double PixelsACharacter = 6.5, PixelsABoldCharacter = 8;

    private const double CrowdRadius = 80;

    private const int MostTurns = 8;

    private static readonly double[] Distances = [7, 12, 18, 26, 36, 48, 62, 78, 96, 118, 144, 175, 210, 250, 300];

    private readonly List<Box> _obstacles = [], _marks = [];
    private readonly List<(double X0, double Y0, double X1, double Y1)> _lines = [];
    private readonly List<PlacedLabel> _placed = [];

    public static double Width(string text, bool bold = false) => text.Length * (bold ? PixelsABoldCharacter : PixelsACharacter) + 4;

    /// <summary>Whether no mark and nothing else that is kept free lies in it.</summary>
    public bool IsEmpty(Box box) => !_marks.Exists(box.Overlaps) && !_obstacles.Exists(box.Overlaps);

    /// <summary>Nothing is written over it.</summary>
    public void Keep(Box free) => _obstacles.Add(free);

    /// <summary>No label is written across this line.</summary>
    public void KeepLine(double x0, double y0, double x1, double y1) => _lines.Add((x0, y0, x1, y1));

    /// <summary>A mark: nothing is written over it, and lines to labels avoid it.</summary>
    public void KeepMark(double x, double y, double size) => _marks.Add(Box.Around(x, y, size, size));

    /// <summary>Places what fits. Labels that found no place come first the next time, a few times.</summary>
    /// <param name="labels">Each with the marks that it may stand at, the best first.</param>
    public IReadOnlyList<PlacedLabel> Place(IEnumerable<(string Text, IReadOnlyList<(double X, double Y)> Marks)> labels)
    {
        List<(string Text, IReadOnlyList<(double X, double Y)> Marks)> order = [.. labels.OrderByDescending(label => Crowd(label.Marks[0]))];
        for (int turn = 1; ; turn++)
        {
            _placed.Clear();
            int leftOut = 0;
            foreach ((string Text, IReadOnlyList<(double X, double Y)> Marks) label in order.ToList())
            {
                PlacedLabel? place = Candidates(label.Text, label.Marks).FirstOrDefault(place => IsFree(place) && HasFreeLine(place, amongMarks: true))
                    ?? Candidates(label.Text, label.Marks).FirstOrDefault(place => IsFree(place) && HasFreeLine(place, amongMarks: false));
                if (place is not null)
                {
                    _placed.Add(place);
                    continue;
                }
                order.Remove(label);
                order.Insert(leftOut++, label);
            }
            if (leftOut == 0 || turn == MostTurns) return _placed;
        }
    }

    // To the right first, as one reads; then around the mark, farther and farther away.
    private static IEnumerable<PlacedLabel> Candidates(string text, IReadOnlyList<(double X, double Y)> marks)
    {
        const int Directions = 16;
        double width = Width(text);
        foreach (double distance in Distances)
        {
            foreach ((double x, double y) in marks)
            {
                for (int i = 0; i < Directions; i++)
                {
                    int turn = (i + 1) / 2 * (i % 2 == 0 ? 1 : -1);
                    (double down, double right) = Math.SinCos(2 * Math.PI * turn / Directions);
                    yield return new(text, Box.Around(x + right * (distance + width / 2), y + down * (distance + Height / 2), width, Height), x, y);
                }
            }
        }
    }

    private int Crowd((double X, double Y) mark) => _marks.Count(other => Math.Abs(other.MiddleX - mark.X) < CrowdRadius && Math.Abs(other.MiddleY - mark.Y) < CrowdRadius);

    private bool IsFree(PlacedLabel label)
    {
        Box box = label.Box;
        return plot.Contains(box) && !_obstacles.Exists(box.Overlaps) && !_marks.Exists(box.Overlaps)
            && !_lines.Exists(line => box.IsCrossedBy(line.X0, line.Y0, line.X1, line.Y1))
            && !_placed.Exists(other => box.Overlaps(other.Box) || IsLineTo(other, box));
    }

    private bool HasFreeLine(PlacedLabel label, bool amongMarks)
        => !_placed.Exists(other => IsLineTo(label, other.Box)) && !_obstacles.Exists(obstacle => IsLineTo(label, obstacle))
            && !(amongMarks && _marks.Exists(mark => !mark.Overlaps(Box.Around(label.MarkX, label.MarkY, 1, 1)) && IsLineTo(label, mark)));

    private static bool IsLineTo(PlacedLabel label, Box box)
    {
        (double x, double y) = label.Box.Nearest(label.MarkX, label.MarkY);
        return box.IsCrossedBy(label.MarkX, label.MarkY, x, y);
    }
}
