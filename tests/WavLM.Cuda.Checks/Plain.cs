using System.Numerics;

namespace WavLM.Cuda.Checks;

/// <summary>
/// The operations as their formulas say, one sum after the other: in double the reference, in float the naive form (with
/// operands that are 16-bit floats already, sums in float are the naive form of that precision too).
/// </summary>
internal static partial class Plain
{
    public static T[] LayerNorm<T>(Matrix x, Norm norm)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var y = new T[x.Values.Length];
        for (int row = 0; row < x.Rows; row++)
        {
            for (int i = 0; i < x.Columns; i++) y[row * x.Columns + i] = T.CreateTruncating(x[row][i]);
            NormalizeRow(y.AsSpan(row * x.Columns, x.Columns), norm);
        }
        return y;
    }

    public static void NormalizeRow<T>(Span<T> row, Norm norm)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T columns = T.CreateChecked(row.Length), mean = T.Zero, variance = T.Zero;
        foreach (T value in row) mean += value;
        mean /= columns;
        foreach (T value in row) variance += (value - mean) * (value - mean);
        T deviation = T.Sqrt(variance / columns + T.CreateTruncating(norm.Epsilon));
        for (int i = 0; i < row.Length; i++)
            row[i] = (row[i] - mean) / deviation * T.CreateTruncating(norm.Gain[i]) + T.CreateTruncating(norm.Bias[i]);
    }

    /// <summary>a (c const - 1) + 2 by row and head, a and c the sigmoids of the two rows of weights.</summary>
    public static T[] Gates<T>(T[] u, Gate gate)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int heads = gate.Constants.Length, width = gate.Rows.Columns;
        var gates = new T[u.Length / width];
        for (int i = 0; i < gates.Length; i++)
        {
            T a = Part(i, 0), c = Part(i, 1);
            gates[i] = a * (c * T.CreateTruncating(gate.Constants[i % heads]) - T.One) + T.CreateTruncating(2);
        }
        return gates;

        T Part(int i, int part)
        {
            T sum = T.Zero;
            for (int k = 0; k < width; k++) sum += u[i * width + k] * T.CreateTruncating(gate.Rows[part][k]);
            return T.One / (T.One + T.Exp(-(sum + T.CreateTruncating(gate.Biases[part]))));
        }
    }
}

/// <summary>A gate's weights on the host: rows [2, head width].</summary>
internal sealed record Gate(Matrix Rows, float[] Biases, float[] Constants);
