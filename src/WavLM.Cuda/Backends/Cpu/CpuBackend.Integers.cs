using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

// Linear maps and strided convolutions in 8-bit integers. A convolution's window is k rows end to end, so both are the same product:
// only how far apart two rows of x begin differs.
internal sealed unsafe partial class CpuBackend
{
    private bool MultipliesIntegers(int inner) => ProductType == ElementType.Int8 && inner <= IntegerMatrix.MostInner;

    /// <summary>weight [outputs, inner] in integers, as the primitives want them, so many outputs a block.</summary>
    private IntegerMatrix PackIntegers(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inner, int columnsOfBlock)
    {
        var integers = new sbyte[weight.Length];
        float[] scales = new float[outputs], sums = new float[outputs];
        IntegerMatrix.Quantize(weight, integers, scales, sums);
        List<IntegerMatrix.Block> blocks = [];
        for (int first = 0; first < outputs; first += columnsOfBlock)
        {
            int columns = Math.Min(columnsOfBlock, outputs - first);
            Matmul layout = MatmulOf(IntegerMatrix.ShapeOf(inner, columns));
            Tensor values = _pool.Rent(1, 1, checked((int)layout.PackedBytes), ElementType.Int8);
            layout.Pack(_workers.First, integers.AsSpan(first * inner, columns * inner), values.Address);
            blocks.Add(new(layout, values, first));
        }
        return new IntegerMatrix(outputs, inner, blocks, Keep(scales, 1, outputs), Keep(sums, 1, outputs), Keep(bias.IsEmpty ? new float[outputs] : bias, 1, outputs));
    }

    private void IntegerLinear(Tensor x, IntegerLinearWeights linear, Tensor y, Epilogue epilogue)
    {
        _workers.For((x.Rows + MatmulRows - 1) / MatmulRows, (worker, number) =>
        {
            long first = number * MatmulRows;
            IntegerMatrix.Tile tile = linear.Matrix.Quantize(worker, (ushort*)RowOf(x, first), x.Columns, (int)Math.Min(MatmulRows, x.Rows - first));
            foreach (IntegerMatrix.Block block in linear.Matrix.Blocks)
            {
                tile.Multiply(block);
                for (int row = 0; row < tile.Rows; row++)
                    Store(tile.Row(block, row), (byte*)RowOf(y, first + row) + block.First * y.Type.Bytes(), block.Columns, y.Type, epilogue);
            }
        });
    }

    private static void Store(float* row, void* y, int columns, ElementType type, Epilogue epilogue)
    {
        switch (epilogue)
        {
            case Epilogue.GeluErf: VectorMath.GeluErf(row, y, columns, type); break;
            case Epilogue.AddToDestination: VectorMath.Add((float*)y, row, (float*)y, columns); break;
            default: VectorMath.Convert(row, y, columns, type); break;
        }
    }

    private void IntegerConv(Tensor x, IntegerConvWeights conv, Tensor y)
    {
        _workers.For((y.Rows + MatmulRows - 1) / MatmulRows, (worker, number) =>
        {
            long first = number * MatmulRows;
            IntegerMatrix.Block all = conv.Matrix.Blocks[0];
            IntegerMatrix.Tile tile = conv.Matrix.Quantize(worker, (ushort*)RowOf(x, first * conv.Shape.Stride), conv.Shape.Stride * x.Columns, (int)Math.Min(MatmulRows, y.Rows - first));
            tile.Multiply(all);
            for (int row = 0; row < tile.Rows; row++) FinishConvRow(tile.Row(all, row), conv.LayerNorm, y, first + row);
        });
    }

    private sealed class IntegerLinearWeights(int inputs, int outputs, ElementType results, IntegerMatrix matrix) : LinearWeights(inputs, outputs, results)
    {
        public IntegerMatrix Matrix { get; } = matrix;

        public override void Dispose() => Matrix.Dispose();
    }

    private sealed class IntegerConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, ElementType operands, ElementType results, IntegerMatrix matrix)
        : StridedConvWeights(inputs, shape, layerNorm, operands, results)
    {
        /// <summary>[outputs][tap][inputs].</summary>
        public IntegerMatrix Matrix { get; } = matrix;

        public override void Dispose()
        {
            Matrix.Dispose();
            base.Dispose();
        }
    }
}
