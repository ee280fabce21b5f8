using WavLM.Cuda.Bench.Report;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>Labels of a crowded plot keep out of each other's way.</summary>
public sealed class LabelPlacementTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Forty_labels_of_a_hundred_and_twenty_marks_overlap_nothing(int seed)
    {
        Random random = new(seed);
        Box plot = new(0, 0, 960, 540);
        LabelPlacement labels = new(plot);
        List<(string Text, IReadOnlyList<(double X, double Y)> Marks)> wanted = [];
        for (int i = 0; i < 40; i++)
        {
            // Two clouds, as memory-bound and compute-bound kernels make.
            (double x, double y) = (i % 2 == 0 ? 150 + 250 * random.NextDouble() : 600 + 250 * random.NextDouble(), (i % 2 == 0 ? 300 : 80) + 160 * random.NextDouble());
            List<(double X, double Y)> marks = [.. Enumerable.Range(0, 3).Select(_ => (x + 20 * random.NextDouble(), y + 20 * random.NextDouble()))];
            foreach ((double markX, double markY) in marks) labels.KeepMark(markX, markY, 9);
            wanted.Add(($"some_kernel {i}", marks));
        }
        labels.KeepLine(0, 500, 960, 20);

        IReadOnlyList<PlacedLabel> placed = labels.Place(wanted);

        Assert.Equal(40, placed.Count);
        foreach (PlacedLabel label in placed)
        {
            Assert.True(plot.Contains(label.Box));
            Assert.DoesNotContain(placed, other => other != label && other.Box.Overlaps(label.Box));
            Assert.DoesNotContain(wanted.SelectMany(w => w.Marks), mark => Box.Around(mark.X, mark.Y, 9, 9).Overlaps(label.Box));
            Assert.False(label.Box.IsCrossedBy(0, 500, 960, 20));
        }
    }
}
