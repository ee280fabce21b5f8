using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    private const int MaxPhases = 2;

    /// <inheritdoc />
    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape)
    {
        if (Phases(shape) > MaxPhases)
            throw new NotSupportedException($"a convolution of kernel {shape.Kernel} and stride {shape.Stride}; expected a kernel of at most {MaxPhases} strides");
        Matmul layout = MatmulOf(StridedConvShape(inputs, shape, gelu: layerNorm is null, OperandType));
        return new CpuStridedConvWeights(inputs, shape, layerNorm, Pack(layout, weight, bias));
    }

    /// <inheritdoc />
    /// <remarks>
    /// Windows of consecutive rows overlap where k > s, which a matmul's source rows may not; those of every P-th row do not,
    /// P = ceil(k / s): so a tile is P matmuls, each with rows P s C apart and written P rows apart.
    /// </remarks>
    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
    {
        var weights = (CpuStridedConvWeights)conv;
        RequireShape(x, x.Rows, conv.Inputs, nameof(x));
        RequireShape(y, y.Rows, conv.Outputs, nameof(y));
        NormWeights? norm = conv.LayerNorm;
        int phases = Phases(conv.Shape), tileRows = phases * MatmulRows, outputs = conv.Outputs;
        Matmul matmul = MatmulOf(StridedConvShape(conv.Inputs, conv.Shape, gelu: norm is null, norm is null ? y.Type : ElementType.Float32), packedBy: weights.Packed.Layout);
        _workers.For((y.Rows + tileRows - 1) / tileRows, (worker, tile) =>
        {
            long first = tile * tileRows;
            byte* destination = norm is null ? (byte*)RowOf(y, first) : worker.Scratch((nint)tileRows * outputs * sizeof(float));
            int elementBytes = norm is null ? y.Type.Bytes() : sizeof(float);
            for (int phase = 0; phase < phases; phase++)
            {
                nint source = (nint)RowOf(x, (first + phase) * conv.Shape.Stride);
                matmul.Run(worker, source, weights.Packed.Values.Address, weights.Packed.Bias.Address, (nint)destination + (nint)phase * outputs * elementBytes);
            }
            if (norm is null) return;
            for (long row = first; row < Math.Min(first + tileRows, y.Rows); row++)
            {
                float* values = (float*)destination + (row - first) * outputs;
                NormalizeRow(values, (float*)norm.Gain.Address, (float*)norm.Bias.Address, values, outputs, norm.Epsilon);
                VectorMath.GeluErf(values, outputs);
                VectorMath.Convert(values, RowOf(y, row), outputs, y.Type);
            }
        });
    }

    private static int Phases(ConvLayer shape) => (shape.Kernel + shape.Stride - 1) / shape.Stride;

    private MatmulShape StridedConvShape(int inputs, ConvLayer shape, bool gelu, ElementType destination) => new(MatmulRows, shape.Kernel * inputs, shape.Channels)
    {
        Operands = OperandType,
        Destination = destination,
        SourceStride = (long)Phases(shape) * shape.Stride * inputs,
        DestinationStride = (long)Phases(shape) * shape.Channels,
        Bias = true,
        Gelu = gelu,
    };

    private sealed class CpuStridedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, PackedMatrix packed) : StridedConvWeights(inputs, shape, layerNorm)
    {
        public PackedMatrix Packed { get; } = packed;

        public override void Dispose()
        {
            Packed.Dispose();
            base.Dispose();
        }
    }
}
