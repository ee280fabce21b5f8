using System.Numerics;

namespace WavLM.Cuda.Checks;

internal static partial class Plain
{
    public static T[] Of<T>(float[] values)
        where T : struct, IBinaryFloatingPointIeee754<T>
        => Array.ConvertAll(values, T.CreateTruncating);

    /// <summary>x (1 + erf(x / sqrt 2)) / 2; the error function always in float64.</summary>
    public static T Gelu<T>(T x)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T half = T.CreateTruncating(0.5), z = x * T.CreateTruncating(1 / Math.Sqrt(2));
        return half * x * (T.One + T.CreateTruncating(Erf(double.CreateTruncating(z))));
    }

    public static T[] Gelu<T>(T[] values)
        where T : struct, IBinaryFloatingPointIeee754<T>
        => Array.ConvertAll(values, Gelu);

    /// <summary>2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n + 1) / (1 3 .. (2n + 1)): no term cancels another.</summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x);   // to 2e-17
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
