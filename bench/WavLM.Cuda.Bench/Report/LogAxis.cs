namespace WavLM.Cuda.Bench.Report;

/// <summary>A logarithmic axis: values to pixels, and where its lines are.</summary>
/// <param name="least">The value at <paramref name="from" />.</param>
/// <param name="most">The value at <paramref name="to" />.</param>
/// <param name="from">Pixel.</param>
/// <param name="to">Pixel; may be the smaller one.</param>
internal sealed class LogAxis(double least, double most, double from, double to)
{
    // Below so many decades a line each would leave the reader too few numbers.
    private const double FewDecades = 2.2;

    public double Least => least;

    public double Most => most;

    /// <summary>Pixels, negative where the axis runs backwards.</summary>
    public double PixelsADecade => (to - from) / Math.Log10(most / least);

    public double this[double value] => from + PixelsADecade * Math.Log10(value / least);

    /// <summary>Each line of the grid, and whether it has a number.</summary>
    public IEnumerable<(double Value, bool Named)> Lines()
    {
        bool nameAll = Math.Log10(most / least) < FewDecades;
        for (int power = (int)Math.Floor(Math.Log10(least)); power <= Math.Log10(most); power++)
        {
            foreach (int digit in (int[])[1, 2, 5])
            {
                double value = digit * Math.Pow(10, power);
                if (value >= least * (1 - 1e-9) && value <= most * (1 + 1e-9)) yield return (value, nameAll || digit == 1);
            }
        }
    }
}
