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
/// Finds places for the labels of a plot one by one, those in the thickest crowd first: near its mark, inside the plot, over no other
/// label and no mark, with a free line to its mark. A label without a place is left out.
/// </summary>
internal sealed class LabelPlacement(Box plot)
{
    /// <summary>Of a label's line.</summary>
    public const double Height = 14;

    // A wide sans at 11 pixels; narrower fonts leave some air.
    private const double PixelsACharacter = 6.5;

    private const double CrowdRadius = 80;

    private static readonly double[] Distances = [7, 12, 18, 26, 36, 48, 62, 78, 96, 118, 144, 175];

    private readonly List<Box> _obstacles = [], _marks = [];
    private readonly List<PlacedLabel> _placed = [];

    public static double Width(string text) => text.Length * PixelsACharacter;

    /// <summary>Nothing is written over it.</summary>
    public void Keep(Box free) => _obstacles.Add(free);

    /// <summary>A mark: nothing is written over it, and lines to labels avoid it.</summary>
    public void KeepMark(double x, double y, double size) => _marks.Add(Box.Around(x, y, size, size));

    /// <summary>Places what fits.</summary>
    public IReadOnlyList<PlacedLabel> Place(IEnumerable<(string Text, double X, double Y)> labels)
    {
        List<(string Text, double X, double Y)> wanted = [.. labels];
        int Crowd((string Text, double X, double Y) label) => wanted.Count(other => Math.Abs(other.X - label.X) < CrowdRadius && Math.Abs(other.Y - label.Y) < CrowdRadius);
        foreach ((string text, double x, double y) in wanted.OrderByDescending(Crowd))
        {
            PlacedLabel? best = Candidates(text, x, y).Where(IsFree).FirstOrDefault();
            if (best is not null) _placed.Add(best);
        }
        return _placed;
    }

    // To the right first, as one reads; then around the mark, farther and farther away.
    private static IEnumerable<PlacedLabel> Candidates(string text, double x, double y)
    {
        const int Directions = 16;
        double width = Width(text);
        foreach (double distance in Distances)
        {
            for (int i = 0; i < Directions; i++)
            {
                int turn = (i + 1) / 2 * (i % 2 == 0 ? 1 : -1);
                (double down, double right) = Math.SinCos(2 * Math.PI * turn / Directions);
                yield return new(text, Box.Around(x + right * (distance + width / 2), y + down * (distance + Height / 2), width, Height), x, y);
            }
        }
    }

    private bool IsFree(PlacedLabel label)
    {
        Box box = label.Box;
        if (!plot.Contains(box) || _obstacles.Exists(box.Overlaps) || _marks.Exists(box.Overlaps)) return false;
        (double x, double y) = box.Nearest(label.MarkX, label.MarkY);
        if (_marks.Exists(mark => mark.IsCrossedBy(label.MarkX, label.MarkY, x, y) && !Holds(mark, label.MarkX, label.MarkY))) return false;
        foreach (PlacedLabel other in _placed)
        {
            if (box.Overlaps(other.Box) || other.Box.IsCrossedBy(label.MarkX, label.MarkY, x, y)) return false;
            (double otherX, double otherY) = other.Box.Nearest(other.MarkX, other.MarkY);
            if (box.IsCrossedBy(other.MarkX, other.MarkY, otherX, otherY)) return false;
        }
        return true;
    }

    private static bool Holds(Box mark, double x, double y) => x >= mark.Left && x <= mark.Right && y >= mark.Top && y <= mark.Bottom;
}
