using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void WeightedSum(Tensor x, float weight, Tensor sum, bool first)
    {
        RequireShape(sum, x.Rows, x.Columns, nameof(sum));
        ForRows(x.Rows, (_, begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                Span<float> y = new(RowOf(sum, row), x.Columns);
                ReadOnlySpan<float> values = new(RowOf(x, row), x.Columns);
                if (first) TensorPrimitives.Multiply(values, weight, y);
                else TensorPrimitives.FusedMultiplyAdd(values, weight, y, y);
            }
        });
    }
}
