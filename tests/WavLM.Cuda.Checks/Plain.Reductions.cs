using System.Numerics;

namespace WavLM.Cuda.Checks;

internal static partial class Plain
{
    public static T[] WeightedSum<T>(Matrix[] layers, float[] weights)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var sum = new T[layers[0].Values.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            for (int i = 0; i < sum.Length; i++) sum[i] += T.CreateTruncating(weights[layer]) * T.CreateTruncating(layers[layer].Values[i]);
        }
        return sum;
    }

    /// <summary>Of one utterance: its mean, and behind it where asked for the unbiased standard deviation, 0 for a single frame.</summary>
    public static T[] Pool<T>(Matrix x, bool withDeviation)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[(withDeviation ? 2 : 1) * x.Columns];
        for (int column = 0; column < x.Columns; column++)
        {
            T mean = T.Zero, squares = T.Zero;
            for (int frame = 0; frame < x.Rows; frame++) mean += T.CreateTruncating(x[frame][column]);
            y[column] = mean /= T.CreateChecked(x.Rows);
            if (!withDeviation) continue;
            for (int frame = 0; frame < x.Rows; frame++)
            {
                T difference = T.CreateTruncating(x[frame][column]) - mean;
                squares += difference * difference;
            }
            y[x.Columns + column] = T.Sqrt(squares / T.CreateChecked(Math.Max(1, x.Rows - 1)));
        }
        return y;
    }

    /// <summary>|x - c|^2 by row of x and centroid.</summary>
    public static T[] SquaredDistances<T>(Matrix x, Matrix centroids)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var distances = new T[x.Rows * centroids.Rows];
        for (int i = 0; i < distances.Length; i++)
        {
            ReadOnlySpan<float> values = x[i / centroids.Rows], centroid = centroids[i % centroids.Rows];
            for (int column = 0; column < values.Length; column++)
            {
                T difference = T.CreateTruncating(values[column]) - T.CreateTruncating(centroid[column]);
                distances[i] += difference * difference;
            }
        }
        return distances;
    }
}
