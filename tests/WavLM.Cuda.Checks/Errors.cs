using System.Globalization;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>
/// Compares what an operation gives. No tolerance is made up: an operation may err twice as much as its naive form in the same
/// precision, and one rounding of the storage type more.
/// </summary>
internal sealed class Errors(string check, string device)
{
    /// <summary>Rows that a naive form's error is taken over at least.</summary>
    public const int FewestRows = 16;

    /// <summary>An utterance's frames, as often as it takes to have <see cref="FewestRows"/>.</summary>
    public static int[] Repeated(int frames) => [.. Enumerable.Repeat(frames, (FewestRows + frames - 1) / frames)];

    /// <summary>The largest error as a part of its bound.</summary>
    public double WorstRatio { get; private set; }

    /// <summary>
    /// Largest absolute error and root mean square error, each at most twice the naive form's and half a unit in the last place
    /// of the largest expected value. The first sees one wrong element, the second a small error in all of them. NaN fails.
    /// </summary>
    /// <param name="what">Which result.</param>
    /// <param name="actual">What the operation gave.</param>
    /// <param name="naive">The naive form of it, of <see cref="FewestRows"/> rows or more: over a few values its error is luck.</param>
    /// <param name="exact">The reference, as many as <paramref name="naive"/>; it begins with what is expected of the operation.</param>
    /// <param name="storage">What the results are stored as.</param>
    public void AtMostTwice(string what, Matrix actual, float[] naive, double[] exact, ElementType storage)
    {
        int count = actual.Values.Length;
        if (naive.Length != exact.Length || count > exact.Length || (count < exact.Length && actual.Rows >= FewestRows))
            throw new CheckFailedException($"{check} on {device}, {what}: {count} values, {naive.Length} naive, {exact.Length} expected");
        if (count == 0) return;
        double naiveSquares = 0, naiveWorst = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            double error = Math.Abs(Rounding.To(storage, naive[i]) - exact[i]);
            naiveWorst = Math.Max(naiveWorst, error);
            naiveSquares += error * error;
        }
        if (!double.IsFinite(naiveWorst)) throw new CheckFailedException($"{check} on {device}, {what}: the naive form leaves {storage}'s range, so nothing would be asked");
        double largest = 0, actualSquares = 0, actualWorst = -1;
        int worst = 0;
        for (int i = 0; i < count; i++)
        {
            double error = Math.Abs(actual.Values[i] - exact[i]);
            if (double.IsNaN(error)) Fail(what, actual, i, exact[i], "a number");
            if (error > actualWorst) (actualWorst, worst) = (error, i);
            actualSquares += error * error;
            largest = Math.Max(largest, Math.Abs(exact[i]));
        }
        double rounding = Rounding.HalfUnit(storage, largest);
        Require(actualWorst, 2 * naiveWorst + rounding, "largest error");
        Require(Math.Sqrt(actualSquares / count), 2 * Math.Sqrt(naiveSquares / exact.Length) + rounding, "root mean square error");

        void Require(double error, double bound, string measure)
        {
            WorstRatio = Math.Max(WorstRatio, error / bound);
            if (!(error <= bound)) Fail(what, actual, worst, exact[worst], string.Create(CultureInfo.InvariantCulture, $"{measure} at most {bound:G4}, found {error:G4}"));
        }
    }

    /// <summary>An absolute error at most so large, for a function with a bound of its own.</summary>
    public void AtMost(string what, double input, double actual, double exact, double bound)
    {
        double error = Math.Abs(actual - exact);
        WorstRatio = Math.Max(WorstRatio, error / bound);
        if (!(error <= bound))
            throw new CheckFailedException(string.Create(CultureInfo.InvariantCulture, $"{check} on {device}, {what} of {input:R}: found {actual:R}, expected {exact:R} within {bound:G4}"));
    }

    /// <summary>The same bits; NaN never passes.</summary>
    public void SameBits(string what, Matrix actual, Matrix expected)
    {
        if (actual.Values.Length != expected.Values.Length)
            throw new CheckFailedException($"{check} on {device}, {what}: {actual.Values.Length} values, {expected.Values.Length} expected");
        for (int i = 0; i < expected.Values.Length; i++)
        {
            if (float.IsNaN(actual.Values[i]) || BitConverter.SingleToInt32Bits(actual.Values[i]) != BitConverter.SingleToInt32Bits(expected.Values[i]))
                Fail(what, actual, i, expected.Values[i], "the same bits");
        }
    }

    public void Equal(string what, int actual, int expected)
    {
        if (actual != expected) throw new CheckFailedException($"{check} on {device}, {what}: found {actual}, expected {expected}");
    }

    private void Fail(string what, Matrix actual, int index, double exact, string wanted) => throw new CheckFailedException(string.Create(
        CultureInfo.InvariantCulture,
        $"{check} on {device}, {what} [{actual.Rows}, {actual.Columns}] at row {index / actual.Columns}, column {index % actual.Columns}: found {actual.Values[index]:R}, expected {exact:R}; wanted {wanted}"));
}
