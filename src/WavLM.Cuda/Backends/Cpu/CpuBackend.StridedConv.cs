using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape)
    {
        var runs = new PackedMatrix[Runs(shape)];
        for (int run = 0; run < runs.Length; run++)
        {
            int inner = TapsOfRun(shape, run) * inputs;
            var ofRun = new float[shape.Channels * inner];
            for (int output = 0; output < shape.Channels; output++)
                weight.Slice((output * shape.Kernel + run * shape.Stride) * inputs, inner).CopyTo(ofRun.AsSpan(output * inner));
            runs[run] = Pack(MatmulOf(RunShape(inputs, shape, run)), ofRun, run == 0 ? bias : []);
        }
        return new CpuStridedConvWeights(inputs, shape, layerNorm, runs);
    }

    /// <inheritdoc />
    /// <remarks>
    /// Windows of consecutive rows overlap where k > s, which a matmul's source rows may not. A run of s taps does not: its
    /// rows lie end to end, s C long. So a tile is ceil(k / s) matmuls into one float32 sum, the last of fewer taps. Measured
    /// against even and odd rows as two matmuls of all taps, whose rows are 4 C apart: 226 to 249 us a tile in bfloat16, where
    /// oneDNN has its best kernel for contiguous rows alone, and 420 to 428 in float32 (512 channels, 64 rows, one Zen 5 core).
    /// </remarks>
    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
    {
        var weights = (CpuStridedConvWeights)conv;
        RequireShape(x, x.Rows, conv.Inputs, nameof(x));
        RequireShape(y, y.Rows, conv.Outputs, nameof(y));
        Matmul[] matmuls = [.. weights.Runs.Select(run => run.Layout)];
        ConvLayer shape = conv.Shape;
        _workers.For((y.Rows + MatmulRows - 1) / MatmulRows, (worker, tile) =>
        {
            long first = tile * MatmulRows;
            float* sums = (float*)worker.Scratch((nint)MatmulRows * shape.Channels * sizeof(float));
            for (int run = 0; run < matmuls.Length; run++)
            {
                PackedMatrix packed = weights.Runs[run];
                matmuls[run].Run(worker, (nint)RowOf(x, (first + run) * shape.Stride), packed.Values.Address, packed.Bias.Address, (nint)sums);
            }
            int rows = (int)Math.Min(MatmulRows, y.Rows - first);
            if (conv.LayerNorm is { } norm)
            {
                for (int row = 0; row < rows; row++)
                {
                    float* values = sums + (long)row * shape.Channels;
                    NormalizeRow(values, (float*)norm.Gain.Address, (float*)norm.Bias.Address, values, shape.Channels, norm.Epsilon);
                }
            }
            VectorMath.GeluErf(sums, RowOf(y, first), rows * shape.Channels, y.Type);
        });
    }

    private static int Runs(ConvLayer shape) => (shape.Kernel + shape.Stride - 1) / shape.Stride;

    private static int TapsOfRun(ConvLayer shape, int run) => Math.Min(shape.Stride, shape.Kernel - run * shape.Stride);

    private MatmulShape RunShape(int inputs, ConvLayer shape, int run) => new(MatmulRows, TapsOfRun(shape, run) * inputs, shape.Channels)
    {
        Operands = OperandType,
        Destination = ElementType.Float32,
        SourceStride = (long)shape.Stride * inputs,
        DestinationStride = shape.Channels,
        Bias = run == 0,
        Accumulate = run > 0,
    };

    private sealed class CpuStridedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, PackedMatrix[] runs) : StridedConvWeights(inputs, shape, layerNorm)
    {
        /// <summary>The taps, a stride's worth at a time.</summary>
        public PackedMatrix[] Runs { get; } = runs;

        public override void Dispose()
        {
            foreach (PackedMatrix run in Runs) run.Dispose();
            base.Dispose();
        }
    }
}
