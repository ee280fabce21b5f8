namespace WavLM.Cuda.Backends.Cpu;

internal sealed partial class CpuBackend
{
    /// <inheritdoc />
    public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results)
    {
        if (MultipliesIntegers(inputs)) return new IntegerLinearWeights(inputs, outputs, results, PackIntegers(weight, bias, outputs, inputs, EvenBlocks(outputs, IntegerMatrix.MostColumnsOfBlock)));
        List<PackedMatrix> blocks = [];
        int columnsOfBlock = ColumnsOfBlock(outputs);
        for (int first = 0; first < outputs; first += columnsOfBlock)
        {
            int columns = Math.Min(columnsOfBlock, outputs - first);
            Matmul layout = MatmulOf(LinearShape(inputs, columns, outputs, Epilogue.None, results));
            blocks.Add(Pack(layout, weight.Slice(first * inputs, columns * inputs), bias.IsEmpty ? [] : bias.Slice(first, columns)));
        }
        return new CpuLinearWeights(inputs, outputs, results, blocks);
    }

    /// <inheritdoc />
    public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
    {
        RequireShape(x, x.Rows, weights.Inputs, nameof(x));
        RequireShape(y, x.Rows, weights.Outputs, nameof(y));
        if (y.Type != weights.ResultType) throw new ArgumentException($"y is {y.Type}, expected {weights.ResultType}", nameof(y));
        if (weights is IntegerLinearWeights integers) IntegerLinear(x, integers, y, epilogue);
        else Linear(x, (CpuLinearWeights)weights, y, epilogue);
    }

    private void Linear(Tensor x, CpuLinearWeights linear, Tensor y, Epilogue epilogue)
    {
        // The last block may have fewer outputs than the others.
        Matmul[] matmuls = [.. linear.Blocks.Select(block => MatmulOf(LinearShape(linear.Inputs, block.Layout.Shape.Columns, linear.Outputs, epilogue, linear.ResultType), packedBy: block.Layout))];
        (nint source, nint destination) = (x.Address, y.Address);
        long sourceTile = (long)MatmulRows * x.Columns * x.Type.Bytes(), destinationTile = (long)MatmulRows * y.Columns * y.Type.Bytes(), tiles = (x.Rows + MatmulRows - 1) / MatmulRows;
        nint destinationBlock = ColumnsOfBlock(linear.Outputs) * y.Type.Bytes();
        int blocks = linear.Blocks.Count;
        _workers.For(tiles * blocks, (worker, task) =>
        {
            (long tile, int block) = (task / blocks, (int)(task % blocks));
            PackedMatrix packed = linear.Blocks[block];
            matmuls[block].Run(worker, source + (nint)(tile * sourceTile), packed.Values.Address, packed.Bias.Address, destination + (nint)(tile * destinationTile) + block * destinationBlock);
        });
    }

    /// <summary>
    /// Outputs of one matmul call. In float32 blocks are 2 to 13 % faster than all at once (Base's four products, two Zen 5 cores): oneDNN takes
    /// another kernel for rows that do not lie end to end. Its bfloat16 one is a fifth slower.
    /// </summary>
    private int ColumnsOfBlock(int outputs)
    {
        const int Most = 384;
        return OperandType == ElementType.Float32 ? EvenBlocks(outputs, Most) : outputs;
    }

    /// <summary>Outputs of a block where blocks are about equal and none is larger than <paramref name="most" />, a multiple of the lanes; the last one may have fewer.</summary>
    private static int EvenBlocks(int outputs, int most)
    {
        int count = (outputs + most - 1) / most;
        return VectorMath.RoundUp((outputs + count - 1) / count, VectorMath.Lanes);
    }

    private MatmulShape LinearShape(int inputs, int columns, int outputs, Epilogue epilogue, ElementType destination) => new(MatmulRows, inputs, columns)
    {
        Operands = OperandType,
        Destination = destination,
        SourceStride = inputs,
        DestinationStride = outputs,
        Bias = true,
        Gelu = epilogue == Epilogue.GeluErf,
        Accumulate = epilogue == Epilogue.AddToDestination,
    };

    /// <summary>weight [columns, inner] as the primitive wants it, and its bias; without one, zeros.</summary>
    private PackedMatrix Pack(Matmul layout, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        ElementType type = layout.Shape.Operands;
        Tensor values = _pool.Rent(1, 1, checked((int)(layout.PackedBytes / type.Bytes())), type);
        layout.Pack(_workers.First, weight, values.Address);
        return new PackedMatrix(layout, values, Keep(bias.IsEmpty ? new float[layout.Shape.Columns] : bias, 1, layout.Shape.Columns));
    }

    /// <summary>A matrix in the layout of the primitive that packed it.</summary>
    private sealed record PackedMatrix(Matmul Layout, Tensor Values, Tensor Bias) : IDisposable
    {
        /// <summary>One tile, through the primitive that packed it.</summary>
        public unsafe void Run(Worker worker, void* source, float* destination)
            => Layout.Run(worker, (nint)source, Values.Address, Bias.Address, (nint)destination);

        public void Dispose()
        {
            Values.Dispose();
            Bias.Dispose();
        }
    }

    private sealed class CpuLinearWeights(int inputs, int outputs, ElementType results, IReadOnlyList<PackedMatrix> blocks) : LinearWeights(inputs, outputs, results)
    {
        /// <summary>Neighbouring outputs, in order.</summary>
        public IReadOnlyList<PackedMatrix> Blocks { get; } = blocks;

        public override void Dispose()
        {
            foreach (PackedMatrix block in Blocks) block.Dispose();
        }
    }
}
