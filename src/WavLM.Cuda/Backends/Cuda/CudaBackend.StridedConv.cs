using System.Numerics;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

// Windows of consecutive rows overlap where k > s, which no matrix may do: its leading dimension s C would be below its k C rows.
// Every m-th window, m s >= k, does not. So the rows are dealt out to a batch of m products, which write interleaved rows of y:
// two for kernel 3 and stride 2, one and no batch at all for kernel 2 and stride 2.
internal sealed partial class CudaBackend
{
    /// <inheritdoc cref="IBackend.PackStridedConv" />
    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results)
    {
        ElementType operands = StridedConvWeights.OperandsFor(inputs, OperandType), sums = SumsOfConv(shape, operands, results);
        int tapsOfGroup = TapsOfGroup(shape);
        var groups = new Gemm[(shape.Kernel + tapsOfGroup - 1) / tapsOfGroup];
        for (int group = 0; group < groups.Length; group++)
        {
            int taps = Math.Min(tapsOfGroup, shape.Kernel - group * tapsOfGroup);
            groups[group] = _gemms[new GemmShape(taps * inputs, shape.Channels)
            {
                Operands = operands,
                Results = sums,
                SourceStride = shape.Stride * inputs,
                WeightStride = shape.Kernel * inputs,
                Batches = (int)BitOperations.RoundUpToPowerOf2((uint)((taps + shape.Stride - 1) / shape.Stride)),
            }];
        }
        Tensor values = Keep(weight, shape.Channels, shape.Kernel * inputs, operands);
        return new CudaStridedConvWeights(inputs, shape, layerNorm, results, groups, tapsOfGroup, values, bias.IsEmpty ? null : Keep(bias, 1, shape.Channels));
    }

    /// <inheritdoc cref="IBackend.StridedConv" />
    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
    {
        var strided = (CudaStridedConvWeights)conv;
        RequireShape(x, x.Rows, strided.Inputs, nameof(x), strided.OperandType);
        RequireShape(y, y.Rows, strided.Outputs, nameof(y), strided.ResultType);
        if (y.Rows == 0) return;
        long computed = (y.Rows + RowTile - 1) / RowTile * RowTile;
        RequireReach(x, (computed - 1) * strided.Shape.Stride + strided.Shape.Kernel, nameof(x));
        ElementType results = strided.Groups[0].Shape.Results;
        using Tensor? apart = y.Type == results ? null : Rent(y.Rows, strided.Outputs, results);
        Tensor sums = apart ?? y;
        RequireReach(sums, computed, nameof(y));
        nint groupBytes = (nint)strided.TapsOfGroup * strided.Inputs * strided.OperandType.Bytes();
        for (int group = 0; group < strided.Groups.Length; group++)
        {
            nint offset = group * groupBytes;
            strided.Groups[group].Run(_stream, (nuint)(x.Address + offset), (nuint)(strided.Values.Address + offset), 0, (nuint)sums.Address, y.Rows, accumulate: group > 0);
        }
        if (strided.LayerNorm is { } norm) LayerNorm(sums, strided.Bias, norm, y, gelu: true);
        else Gelu(sums, strided.Bias, y);
    }

    /// <summary>
    /// What a convolution's products are stored as before bias, norm and GELU: what y is, in place, unless a float32 sum would be
    /// rounded for nothing, between narrow and wide levels and between several groups of taps.
    /// </summary>
    internal static ElementType SumsOfConv(ConvLayer shape, ElementType operands, ElementType results)
        => operands == results && TapsOfGroup(shape) == shape.Kernel ? results : ElementType.Float32;

    // A batch is at most a row tile; the taps of a kernel beyond that many strides are summed in groups.
    private static int TapsOfGroup(ConvLayer shape) => Math.Min(shape.Kernel, GemmShape.RowTile * shape.Stride);

    private sealed class CudaStridedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, ElementType results, Gemm[] groups, int tapsOfGroup, Tensor values, Tensor? bias)
        : StridedConvWeights(inputs, shape, layerNorm, values.Type, results)
    {
        /// <summary>The product of each group of taps: one, but for kernels beyond 256 strides.</summary>
        public Gemm[] Groups { get; } = groups;

        public int TapsOfGroup { get; } = tapsOfGroup;

        /// <summary>[outputs, tap x inputs].</summary>
        public Tensor Values { get; } = values;

        /// <summary>[1, outputs], or null.</summary>
        public Tensor? Bias { get; } = bias;

        public override void Dispose()
        {
            Values.Dispose();
            Bias?.Dispose();
            base.Dispose();
        }
    }
}
