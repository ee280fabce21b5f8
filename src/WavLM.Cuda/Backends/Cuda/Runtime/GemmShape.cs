namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// What an algorithm is chosen for: y[r, o] = sum over i of x[r SourceStride + i] w[o WeightStride + i] (+ bias[o]), sums in float32.
/// Never the number of rows.
/// </summary>
/// <param name="Inner">Terms of a sum.</param>
/// <param name="Outputs">Columns of y, which lie end to end.</param>
internal readonly record struct GemmShape(int Inner, int Outputs)
{
    /// <summary>Rows of one call are a multiple of this, so the buffers of x and y reach that far.</summary>
    public const int RowTile = 256;

    private const int RowsOfPlainCall = 128;

    /// <summary>Rows that a call without a batch covers, for so many rows of y.</summary>
    public static long RowsOfCall(long rows) => (rows + RowsOfPlainCall - 1) / RowsOfPlainCall * RowsOfPlainCall;

    /// <summary>Type of x and w.</summary>
    public ElementType Operands { get; init; } = ElementType.Float32;

    /// <summary>Type of y and of the bias: float32, or the operands'.</summary>
    public ElementType Results { get; init; } = ElementType.Float32;

    /// <summary>Elements from a source row to the next.</summary>
    public int SourceStride { get; init; } = Inner;

    /// <summary>Elements from an output's weights to the next one's.</summary>
    public int WeightStride { get; init; } = Inner;

    /// <summary>Whether a bias is added.</summary>
    public bool Bias { get; init; }

    /// <summary>
    /// Source rows that overlap are more than a matrix may have: leading dimension below its rows. Every so many rows they do not,
    /// so they are dealt out in turn to a batch of so many products, which write interleaved rows of y. A power of two.
    /// </summary>
    public int Batches { get; init; } = 1;

    /// <summary>Rows of one product of the batch, for so many rows of y.</summary>
    public long RowsOfProduct(long rows)
    {
        long tile = Batches == 1 ? RowsOfPlainCall : RowTile;
        return (rows + tile - 1) / tile * tile / Batches;
    }

    public override string ToString()
        => $"{Operands} x[rows, {Inner}] W[{Outputs}, {Inner}]^T{(Results == Operands ? "" : $" in {Results}")}{(Bias ? " + bias" : "")}{(SourceStride == Inner ? "" : $", source stride {SourceStride}")}{(Batches == 1 ? "" : $", batch of {Batches}")}";
}
