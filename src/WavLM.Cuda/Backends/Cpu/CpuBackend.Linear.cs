namespace WavLM.Cuda.Backends.Cpu;

internal sealed partial class CpuBackend
{
    /// <inheritdoc />
    public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results)
    {
        if (ProductType == ElementType.Int8) return new IntegerLinearWeights(inputs, outputs, results, PackIntegers(weight, bias, outputs, inputs, IntegerMatrix.ColumnsOfBlock(outputs)));
        Matmul layout = MatmulOf(LinearShape(inputs, outputs, Epilogue.None, OperandType));
        PackedMatrix packed = Pack(layout, weight, bias);
        return new CpuLinearWeights(inputs, outputs, results, packed);
    }

    /// <inheritdoc />
    public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
    {
        RequireShape(x, x.Rows, weights.Inputs, nameof(x));
        RequireShape(y, x.Rows, weights.Outputs, nameof(y));
        if (y.Type != weights.ResultType) throw new ArgumentException($"y is {y.Type}, expected {weights.ResultType}", nameof(y));
        if (weights is IntegerLinearWeights integers)
        {
            IntegerLinear(x, integers, y, epilogue);
            return;
        }
        var linear = (CpuLinearWeights)weights;
        MatmulShape shape = LinearShape(linear.Inputs, linear.Outputs, epilogue, linear.ResultType);
        Matmul matmul = MatmulOf(shape, packedBy: linear.Packed.Layout);
        (nint source, nint destination, nint values, nint bias) = (x.Address, y.Address, linear.Packed.Values.Address, linear.Packed.Bias.Address);
        long sourceTile = (long)MatmulRows * x.Columns * x.Type.Bytes(), destinationTile = (long)MatmulRows * y.Columns * y.Type.Bytes();
        _workers.For(
            (x.Rows + MatmulRows - 1) / MatmulRows,
            (worker, tile) => matmul.Run(worker, source + (nint)(tile * sourceTile), values, bias, destination + (nint)(tile * destinationTile)));
    }

    private MatmulShape LinearShape(int inputs, int outputs, Epilogue epilogue, ElementType destination) => new(MatmulRows, inputs, outputs)
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

    private sealed class CpuLinearWeights(int inputs, int outputs, ElementType results, PackedMatrix packed) : LinearWeights(inputs, outputs, results)
    {
        public PackedMatrix Packed { get; } = packed;

        public override void Dispose() => Packed.Dispose();
    }
}
