namespace WavLM.Cuda.Bench.Comparison;

/// <summary>
/// A standard deviation that up to half of the values cannot spoil (Rousseeuw and Croux 1993): about the first quartile of the distances
/// between all pairs, scaled to agree with the standard deviation of normal values.
/// </summary>
internal static class Qn
{
    private const double OfNormalValues = 2.2219;

    // By which few normal values overrate it, from two on.
    private static readonly double[] OfFewValues = [0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872];

    /// <returns>0 for a single value.</returns>
    public static double Of(IReadOnlyList<double> values)
    {
        int n = values.Count;
        if (n < 2) return 0;
        var distances = new double[n * (n - 1) / 2];
        int next = 0;
        for (int i = 1; i < n; i++)
            for (int j = 0; j < i; j++) distances[next++] = Math.Abs(values[i] - values[j]);
        Array.Sort(distances);
        int half = n / 2 + 1;
        double few = n - 2 < OfFewValues.Length ? OfFewValues[n - 2] : n / (n + (n % 2 == 1 ? 1.4 : 3.8));
        return OfNormalValues * few * distances[half * (half - 1) / 2 - 1];
    }
}
