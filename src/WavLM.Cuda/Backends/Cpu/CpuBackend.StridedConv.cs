using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    // In bfloat16 the differences of paired rows are rounded once more. Paired everywhere, the worst fixture came to 1.4e-2 of the
    // 1.5e-2 that are allowed; with the first strided convolution alone to 1.1e-2, as unpaired. It is half of the arithmetic, and has
    // 32 rows a slot in every published model.
    private const int RowsOfSlotToPairInBFloat16 = 32;

    /// <inheritdoc />
    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results)
    {
        ElementType operands = StridedConvWeights.OperandsFor(inputs, OperandType);
        if (MultipliesIntegers(shape.Kernel * inputs) && operands == OperandType)
            return new IntegerConvWeights(inputs, shape, layerNorm, operands, results, PackIntegers(weight, bias, shape.Channels, shape.Kernel * inputs, columnsOfBlock: shape.Channels));
        return shape is { Kernel: 3, Stride: 2 } && rowsOfSlot % 2 == 0 && (operands == ElementType.Float32 || rowsOfSlot >= RowsOfSlotToPairInBFloat16)
            ? PackPairedConv(weight, bias, layerNorm, inputs, shape, operands, results)
            : PackConvRuns(weight, bias, layerNorm, inputs, shape, operands, results);
    }

    /// <inheritdoc />
    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
    {
        RequireShape(x, x.Rows, conv.Inputs, nameof(x));
        RequireShape(y, y.Rows, conv.Outputs, nameof(y));
        if (x.Type != conv.OperandType) throw new ArgumentException($"x is {x.Type}, expected {conv.OperandType}", nameof(x));
        if (y.Type != conv.ResultType) throw new ArgumentException($"y is {y.Type}, expected {conv.ResultType}", nameof(y));
        switch (conv)
        {
            case PairedConvWeights paired: PairedConv(x, paired, y); break;
            case IntegerConvWeights integers: IntegerConv(x, integers, y); break;
            default: ConvRuns(x, (ConvRunsWeights)conv, y); break;
        }
    }

    /// <summary>Norm, where there is one, and GELU of a float32 row, to its place in y.</summary>
    private static void FinishConvRow(float* sums, NormWeights? norm, Tensor y, long row)
    {
        if (norm is not null) NormalizeRow(sums, (float*)norm.Gain.Address, (float*)norm.Bias.Address, sums, y.Columns, norm.Epsilon);
        VectorMath.GeluErf(sums, RowOf(y, row), y.Columns, y.Type);
    }

    /// <summary>A matmul into float32 rows that lie end to end.</summary>
    private static MatmulShape ConvShape(ElementType operands, int inner, int sourceStride, int outputs, bool bias, bool accumulate) => new(MatmulRows, inner, outputs)
    {
        Operands = operands,
        Destination = ElementType.Float32,
        SourceStride = sourceStride,
        DestinationStride = outputs,
        Bias = bias,
        Accumulate = accumulate,
    };
}
