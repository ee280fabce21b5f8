using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int WeightedSumThreads = 256;
    private const int WeightedSumValues = 4;   // of a thread

    private readonly KernelFamily<bool> _weightedSums;

    /// <inheritdoc cref="IBackend.WeightedSum" />
    public void WeightedSum(Tensor x, float weight, Tensor sum, bool first)
    {
        RequireShape(sum, x.Rows, x.Columns, nameof(sum));
        long count = x.Rows * x.Columns;
        _weightedSums[first].Launch(_stream, Grid.Over(count, WeightedSumThreads * WeightedSumValues), x, weight, sum, count);
    }

    internal static KernelVariant WeightedSumKernel(bool first)
        => new("weighted_sum.cu", "weighted_sum", [$"FIRST={(first ? 1 : 0)}", $"THREADS={WeightedSumThreads}"], WeightedSumThreads);
}
