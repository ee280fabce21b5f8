using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

// Kernel 3, stride 2, two rows at a time. Rows 2m and 2m + 1 of the output see x0 .. x4, rows 4m .. 4m + 4 of the input:
//
//     y0 = W0 x0 + W1 x1 + W2 x2 + b        s  = (W0 + W2) x2
//     y1 = W0 x2 + W1 x3 + W2 x4 + b        y0 = [W1 W0] [x1, x0 - x2] + b + s
//                                           y1 = [W1 W2] [x3, x4 - x2] + b + s
//
// The same sums with five products of C by C instead of six (Winograd's F(2, 2) on the even rows): a sixth of the front end's
// arithmetic. Which rows pair up follows from the utterance, because its rows begin at an even one.
internal sealed unsafe partial class CpuBackend
{
    private PairedConvWeights PackPairedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, ElementType operands, ElementType results)
    {
        int outputs = shape.Channels;
        var even = new float[outputs * 2 * inputs];
        var odd = new float[outputs * 2 * inputs];
        var shared = new float[outputs * inputs];
        for (int output = 0; output < outputs; output++)
        {
            ReadOnlySpan<float> taps = weight.Slice(output * 3 * inputs, 3 * inputs);
            taps.Slice(inputs, inputs).CopyTo(even.AsSpan(output * 2 * inputs));
            taps.Slice(inputs, inputs).CopyTo(odd.AsSpan(output * 2 * inputs));
            taps[..inputs].CopyTo(even.AsSpan((output * 2 + 1) * inputs));
            taps.Slice(2 * inputs, inputs).CopyTo(odd.AsSpan((output * 2 + 1) * inputs));
            for (int input = 0; input < inputs; input++) shared[output * inputs + input] = taps[input] + taps[2 * inputs + input];
        }
        Matmul two = MatmulOf(ConvShape(operands, 2 * inputs, 2 * inputs, outputs, bias: true, accumulate: false));
        Matmul one = MatmulOf(ConvShape(operands, inputs, inputs, outputs, bias: false, accumulate: false));
        return new PairedConvWeights(inputs, shape, layerNorm, operands, results, Pack(two, even, bias), Pack(two, odd, bias), Pack(one, shared, []));
    }

    private void PairedConv(Tensor x, PairedConvWeights conv, Tensor y)
    {
        int inputs = conv.Inputs, outputs = conv.Outputs;
        nint rowBytes = (nint)inputs * x.Type.Bytes(), operandBytes = MatmulRows * rowBytes, sumBytes = (nint)MatmulRows * outputs * sizeof(float);
        long tileRows = 2 * MatmulRows;
        _workers.For((y.Rows + tileRows - 1) / tileRows, (worker, tile) =>
        {
            long first = tile * tileRows;
            int rows = (int)Math.Min(tileRows, y.Rows - first), pairs = (rows + 1) / 2;
            byte* even = worker.Scratch(5 * operandBytes + 3 * sumBytes), odd = even + 2 * operandBytes, shared = odd + 2 * operandBytes;
            float* evenSums = (float*)(shared + operandBytes), oddSums = evenSums + MatmulRows * outputs, sharedSums = oddSums + MatmulRows * outputs;

            for (int pair = 0; pair < pairs; pair++)
                FillPair((byte*)RowOf(x, 2 * first + 4 * pair), inputs, x.Type, even + 2 * pair * rowBytes, odd + 2 * pair * rowBytes, shared + pair * rowBytes);
            conv.Even.Run(worker, even, evenSums);
            conv.Odd.Run(worker, odd, oddSums);
            conv.Shared.Run(worker, shared, sharedSums);
            for (int row = 0; row < rows; row++)
            {
                float* sums = (row % 2 == 0 ? evenSums : oddSums) + row / 2 * outputs;
                VectorMath.Add(sums, sharedSums + row / 2 * outputs, sums, outputs);
                FinishConvRow(sums, conv.LayerNorm, y, first + row);
            }
        });
    }

    /// <summary>[x1, x0 - x2], [x3, x4 - x2] and x2, from x0 on.</summary>
    private static void FillPair(byte* x0, int inputs, ElementType type, byte* even, byte* odd, byte* shared)
    {
        nint rowBytes = (nint)inputs * type.Bytes();
        byte* x1 = x0 + rowBytes, x2 = x1 + rowBytes, x3 = x2 + rowBytes, x4 = x3 + rowBytes;
        Buffer.MemoryCopy(x1, even, rowBytes, rowBytes);
        VectorMath.Subtract(x0, x2, even + rowBytes, inputs, type);
        Buffer.MemoryCopy(x3, odd, rowBytes, rowBytes);
        VectorMath.Subtract(x4, x2, odd + rowBytes, inputs, type);
        Buffer.MemoryCopy(x2, shared, rowBytes, rowBytes);
    }

    private sealed class PairedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, ElementType operands, ElementType results, PackedMatrix even, PackedMatrix odd, PackedMatrix shared)
        : StridedConvWeights(inputs, shape, layerNorm, operands, results)
    {
        /// <summary>[W1 W0] and the bias.</summary>
        public PackedMatrix Even { get; } = even;

        /// <summary>[W1 W2] and the bias.</summary>
        public PackedMatrix Odd { get; } = odd;

        /// <summary>W0 + W2.</summary>
        public PackedMatrix Shared { get; } = shared;

        public override void Dispose()
        {
            Even.Dispose();
            Odd.Dispose();
            Shared.Dispose();
            base.Dispose();
        }
    }
}
