using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void NearestCentroid(Tensor x, Tensor centroids, Tensor indices)
    {
        RequireShape(indices, x.Rows, 1, nameof(indices));
        ForRows(x.Rows, (worker, begin, end) =>
        {
            Span<float> difference = new(worker.Scratch((nint)x.Columns * sizeof(float)), x.Columns);
            for (long row = begin; row < end; row++)
            {
                ReadOnlySpan<float> values = new(RowOf(x, row), x.Columns);
                (int nearest, float least) = (-1, float.PositiveInfinity);
                for (int centroid = 0; centroid < centroids.Rows; centroid++)
                {
                    TensorPrimitives.Subtract(values, new ReadOnlySpan<float>(RowOf(centroids, centroid), x.Columns), difference);
                    float distance = TensorPrimitives.SumOfSquares<float>(difference);
                    if (distance < least) (nearest, least) = (centroid, distance);
                }
                ((int*)indices.Address)[row] = nearest;
            }
        });
    }
}
