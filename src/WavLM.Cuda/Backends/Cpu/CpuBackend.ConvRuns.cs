using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

// Any kernel and stride. Windows of consecutive rows overlap where k > s, which a matmul's source rows may not. A run of s
// taps does not: its rows lie end to end, s C long. So a tile is ceil(k / s) matmuls into one float32 sum, the last of fewer
// taps. oneDNN has its best bfloat16 kernel for rows that lie end to end alone.
internal sealed unsafe partial class CpuBackend
{
    private ConvRunsWeights PackConvRuns(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, ElementType operands, ElementType results)
    {
        var runs = new PackedMatrix[(shape.Kernel + shape.Stride - 1) / shape.Stride];
        for (int run = 0; run < runs.Length; run++)
        {
            int inner = Math.Min(shape.Stride, shape.Kernel - run * shape.Stride) * inputs;
            var ofRun = new float[shape.Channels * inner];
            for (int output = 0; output < shape.Channels; output++)
                weight.Slice((output * shape.Kernel + run * shape.Stride) * inputs, inner).CopyTo(ofRun.AsSpan(output * inner));
            Matmul matmul = MatmulOf(ConvShape(operands, inner, shape.Stride * inputs, shape.Channels, bias: run == 0, accumulate: run > 0));
            runs[run] = Pack(matmul, ofRun, run == 0 ? bias : []);
        }
        return new ConvRunsWeights(inputs, shape, layerNorm, operands, results, runs);
    }

    private void ConvRuns(Tensor x, ConvRunsWeights conv, Tensor y)
    {
        _workers.For((y.Rows + MatmulRows - 1) / MatmulRows, (worker, tile) =>
        {
            long first = tile * MatmulRows;
            float* sums = (float*)worker.Scratch((nint)MatmulRows * conv.Outputs * sizeof(float));
            for (int run = 0; run < conv.Runs.Length; run++)
                conv.Runs[run].Run(worker, RowOf(x, (first + run) * conv.Shape.Stride), sums);
            for (long row = first; row < Math.Min(first + MatmulRows, y.Rows); row++)
                FinishConvRow(sums + (row - first) * conv.Outputs, conv.LayerNorm, y, row);
        });
    }

    private sealed class ConvRunsWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, ElementType operands, ElementType results, PackedMatrix[] runs)
        : StridedConvWeights(inputs, shape, layerNorm, operands, results)
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
