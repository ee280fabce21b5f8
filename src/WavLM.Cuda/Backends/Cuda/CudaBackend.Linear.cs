using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    /// <inheritdoc cref="IBackend.PackLinear" />
    public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results)
    {
        Gemm gemm = _gemms[new GemmShape(inputs, outputs) { Operands = OperandType, Results = results, Bias = !bias.IsEmpty }];
        Tensor values = Keep(weight, outputs, inputs, OperandType);
        return new CudaLinearWeights(inputs, outputs, gemm, values, bias.IsEmpty ? null : Keep(bias, 1, outputs, results));
    }

    /// <inheritdoc cref="IBackend.Linear" />
    public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
    {
        var linear = (CudaLinearWeights)weights;
        RequireShape(x, x.Rows, linear.Inputs, nameof(x), OperandType);
        RequireShape(y, x.Rows, linear.Outputs, nameof(y), linear.ResultType);
        long computed = linear.Gemm.Shape.RowsOfProduct(x.Rows);
        RequireReach(x, computed, nameof(x));
        RequireReach(y, computed, nameof(y));
        linear.Gemm.Run(_stream, (nuint)x.Address, (nuint)linear.Values.Address, (nuint)(linear.Bias?.Address ?? 0), (nuint)y.Address, x.Rows, accumulate: epilogue == Epilogue.AddToDestination);
        // cuBLASLt's own GELU is the tanh approximation.
        if (epilogue == Epilogue.GeluErf) Gelu(y, bias: null, y);
    }

    private sealed class CudaLinearWeights(int inputs, int outputs, Gemm gemm, Tensor values, Tensor? bias) : LinearWeights(inputs, outputs, gemm.Shape.Results)
    {
        public Gemm Gemm { get; } = gemm;

        /// <summary>[outputs, inputs].</summary>
        public Tensor Values { get; } = values;

        /// <summary>[1, outputs] of the results' type, or null.</summary>
        public Tensor? Bias { get; } = bias;

        public override void Dispose()
        {
            Values.Dispose();
            Bias?.Dispose();
        }
    }
}
