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
    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot)
    {
        ElementType operands = StridedConvWeights.OperandsFor(inputs, OperandType);
        // A batch is at most a row tile; the taps of a kernel beyond that many strides are summed in groups.
        int tapsOfGroup = Math.Min(shape.Kernel, GemmShape.RowTile * shape.Stride);
        var groups = new Gemm[(shape.Kernel + tapsOfGroup - 1) / tapsOfGroup];
        for (int group = 0; group < groups.Length; group++)
        {
            int taps = Math.Min(tapsOfGroup, shape.Kernel - group * tapsOfGroup);
            groups[group] = _gemms[new GemmShape(taps * inputs, shape.Channels)
            {
                Operands = operands,
                // Sums of several groups are not rounded in between.
                Results = groups.Length > 1 ? ElementType.Float32 : operands,
                SourceStride = shape.Stride * inputs,
                WeightStride = shape.Kernel * inputs,
                Batches = (int)BitOperations.RoundUpToPowerOf2((uint)((taps + shape.Stride - 1) / shape.Stride)),
            }];
        }
        Tensor values = Keep(weight, shape.Channels, shape.Kernel * inputs, operands);
        return new CudaStridedConvWeights(inputs, shape, layerNorm, groups, tapsOfGroup, values, bias.IsEmpty ? null : Keep(bias, 1, shape.Channels));
    }

    /// <inheritdoc cref="IBackend.StridedConv" />
    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
    {
        var strided = (CudaStridedConvWeights)conv;
        RequireShape(x, x.Rows, strided.Inputs, nameof(x), strided.OperandType);
        RequireShape(y, y.Rows, strided.Outputs, nameof(y), y.Type);
        if (y.Rows == 0) return;
        long computed = (y.Rows + RowTile - 1) / RowTile * RowTile;
        RequireReach(x, (computed - 1) * strided.Shape.Stride + strided.Shape.Kernel, nameof(x));
        // What the product writes is of its own type; only at the front end's end, and between wide and narrow levels, is y of another.
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

    private sealed class CudaStridedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, Gemm[] groups, int tapsOfGroup, Tensor values, Tensor? bias)
        : StridedConvWeights(inputs, shape, layerNorm, values.Type)
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
