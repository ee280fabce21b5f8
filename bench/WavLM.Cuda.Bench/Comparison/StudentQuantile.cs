namespace WavLM.Cuda.Bench.Comparison;

/// <summary>Quantiles of the normal and of Student's distribution, of small upper tails.</summary>
internal static class StudentQuantile
{
    /// <summary>What Student's variable exceeds with this probability; by the expansion in 1/freedom, good to 2 % from four degrees on.</summary>
    public static double Above(double probability, double freedom)
    {
        double z = NormalAbove(probability), z2 = z * z, v = freedom;
        return z * (1 + (z2 + 1) / (4 * v)
            + ((5 * z2 + 16) * z2 + 3) / (96 * v * v)
            + (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * v * v * v)
            + ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / (92160 * v * v * v * v));
    }

    /// <summary>What a standard normal variable exceeds with this probability, below one half.</summary>
    public static double NormalAbove(double probability)
    {
        double low = 0, high = 40;
        for (int i = 0; i < 100; i++)
        {
            double middle = (low + high) / 2;
            if (Tail(middle) > probability) low = middle;
            else high = middle;
        }
        return low;
    }

    // The tail's continued fraction is exact from 2 on; below, its series around 0.
    private static double Tail(double z)
    {
        double density = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
        if (z < 2)
        {
            double term = z, sum = z;
            for (int k = 1; k < 60; k++) sum += term *= z * z / (2 * k + 1);
            return 0.5 - density * sum;
        }
        double fraction = z;
        for (int k = 100; k > 0; k--) fraction = z + k / fraction;
        return density / fraction;
    }
}
