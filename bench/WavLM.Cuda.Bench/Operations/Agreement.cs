using System.Globalization;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>
/// Whether what an operation gave is what its formula gives. Wide bounds: how exact a backend is, the checks of the tests decide;
/// this one keeps a kernel that leaves rows out, or computes something else, from being called fast.
/// </summary>
/// <param name="operands">Type of the matrix operands, which are what is rounded most.</param>
internal sealed class Agreement(ElementType operands)
{
    // One wrong value among thousands is lost in their mean.
    private const double WorstOverBound = 20;

    /// <summary>Relative L2 of the worst comparison.</summary>
    public double RelativeError { get; private set; }

    /// <summary>Compares values.</summary>
    /// <param name="what">In an error's words.</param>
    /// <param name="actual">Found.</param>
    /// <param name="expected">By the formula.</param>
    /// <param name="multiplied">What was rounded most on the way; null for the operands.</param>
    /// <exception cref="WrongResultException">They differ.</exception>
    public void Require(string what, ReadOnlySpan<float> actual, ReadOnlySpan<double> expected, ElementType? multiplied = null)
    {
        if (actual.Length != expected.Length) throw new WrongResultException($"{what}: {actual.Length} values, expected {expected.Length}");
        double squares = 0, error = 0, worst = -1;
        int at = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs(actual[i] - expected[i]);
            if (double.IsNaN(difference)) throw Differs(what, i, actual[i], expected[i], "a number");
            squares += expected[i] * expected[i];
            error += difference * difference;
            if (difference > worst) (worst, at) = (difference, i);
        }
        double size = Math.Sqrt(squares / expected.Length), relative = Math.Sqrt(error / expected.Length) / size, bound = BoundOf(multiplied ?? operands);
        if (!(relative <= bound)) throw Differs(what, at, actual[at], expected[at], string.Create(CultureInfo.InvariantCulture, $"a relative error of at most {bound:G2}, found {relative:G2}"));
        if (!(worst <= WorstOverBound * bound * size)) throw Differs(what, at, actual[at], expected[at], string.Create(CultureInfo.InvariantCulture, $"an error of at most {WorstOverBound * bound * size:G2}"));
        RelativeError = Math.Max(RelativeError, relative);
    }

    /// <summary>Compares copies.</summary>
    /// <exception cref="WrongResultException">They differ.</exception>
    public static void RequireSame(string what, ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (actual[i] != expected[i]) throw Differs(what, i, actual[i], expected[i], "the same value");
        }
    }

    // Sums of thousands of float32 products in another order differ by some 1e-6; a result rounded to float16 by 3e-4, to
    // bfloat16 by 2e-3, and what lies between an operation's two kernels is rounded once more. Integers of 8 bits lose 1e-2.
    private static double BoundOf(ElementType type) => type switch
    {
        ElementType.Float32 => 3e-5,
        ElementType.Float16 => 2e-3,
        ElementType.BFloat16 => 1.5e-2,
        ElementType.Int8 => 5e-2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no operands are of this type"),
    };

    private static WrongResultException Differs(string what, int index, double actual, double expected, string wanted) => new(string.Create(
        CultureInfo.InvariantCulture, $"{what}: value {index} of those compared is {actual:G6}, expected {expected:G6}; wanted {wanted}"));
}

/// <summary>An operation computed something else than its formula: it is not timed.</summary>
internal sealed class WrongResultException(string message) : Exception(message);
