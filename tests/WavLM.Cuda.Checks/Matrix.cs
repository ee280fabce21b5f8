namespace WavLM.Cuda.Checks;

/// <summary>A matrix on the host, row by row.</summary>
internal sealed record Matrix(int Rows, int Columns, float[] Values)
{
    public Matrix(int rows, int columns)
        : this(rows, columns, new float[rows * columns])
    {
    }

    public Span<float> this[int row] => Values.AsSpan(row * Columns, Columns);

    public Matrix Range(int firstRow, int rows) => new(rows, Columns, Values.AsSpan(firstRow * Columns, rows * Columns).ToArray());

    /// <summary>Rows in another order, some left out or repeated.</summary>
    public Matrix Select(params int[] rows)
    {
        var selected = new Matrix(rows.Length, Columns);
        for (int i = 0; i < rows.Length; i++) this[rows[i]].CopyTo(selected[i]);
        return selected;
    }

    public static Matrix Stack(params Matrix[] parts)
        => new(parts.Sum(part => part.Rows), parts[0].Columns, [.. parts.SelectMany(part => part.Values)]);

    public static Matrix Filled(int rows, int columns, float value)
    {
        var matrix = new Matrix(rows, columns);
        Array.Fill(matrix.Values, value);
        return matrix;
    }
}

/// <summary>A layer norm's weights on the host.</summary>
internal sealed record Norm(float[] Gain, float[] Bias, float Epsilon);
