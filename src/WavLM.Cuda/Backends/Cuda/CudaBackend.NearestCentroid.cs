using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int NearestCentroidThreads = 128;
    private const int NearestCentroidRows = 64;   // of a block

    private readonly KernelFamily<bool> _nearestCentroids;

    /// <inheritdoc cref="IBackend.NearestCentroid" />
    public void NearestCentroid(Tensor x, Tensor centroids, Tensor indices)
    {
        RequireShape(centroids, centroids.Rows, x.Columns, nameof(centroids));
        if (indices.Rows != x.Rows || indices.Columns != 1 || indices.Type != ElementType.Int32)
            throw new ArgumentException($"indices are {indices.Type} [{indices.Rows}, {indices.Columns}], expected {ElementType.Int32} [{x.Rows}, 1]", nameof(indices));
        _nearestCentroids[default].Launch(
            _stream, Grid.Over(x.Rows, NearestCentroidRows), x, centroids, indices, x.Rows, checked((int)centroids.Rows), x.Columns);
    }

    // One variant alone: its sizes are arguments.
    internal static KernelVariant NearestCentroidKernel(bool _ = false) => new("nearest_centroid.cu", "nearest_centroid", [], NearestCentroidThreads);
}
