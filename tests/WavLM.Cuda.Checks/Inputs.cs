using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>
/// Seeded random values. Operands are rounded to their storage type beforehand, so the reference sees what the operation sees
/// and a check's bound has room for the operation's own errors alone.
/// </summary>
internal static class Inputs
{
    public static float[] Normal(int count, int seed, double deviation = 1, double mean = 0)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(mean + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    public static float[] Normal(int count, int seed, ElementType type, double deviation = 1) => Rounding.To(type, Normal(count, seed, deviation));

    public static Matrix Matrix(int rows, int columns, int seed, double deviation = 1, double mean = 0)
        => new(rows, columns, Normal(rows * columns, seed, deviation, mean));

    public static Matrix Matrix(int rows, int columns, int seed, ElementType type, double deviation = 1)
        => new(rows, columns, Normal(rows * columns, seed, type, deviation));

    public static Norm Norm(int columns, int seed) => new(Normal(columns, seed, 0.2, 1), Normal(columns, seed + 1, 0.2), 1e-5f);
}
