using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int PoolWarps = 16;
    private const int PoolChannels = 32;   // of a block

    private readonly KernelFamily<bool> _pools;

    /// <inheritdoc cref="IBackend.Pool" />
    public void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow)
    {
        RequireShape(x, batch.Frames, x.Columns, nameof(x));
        RequireShape(y, y.Rows, withDeviation ? 2 * x.Columns : x.Columns, nameof(y));
        if (firstRow + batch.Count > y.Rows) throw new ArgumentOutOfRangeException(nameof(firstRow), firstRow, $"y has {y.Rows} rows, and {batch.Count} are written");
        var places = (DeviceBatch)batch.Places!;
        _pools[withDeviation].Launch(
            _stream, new Grid(batch.Count, (x.Columns + PoolChannels - 1) / PoolChannels), 32 * PoolWarps, 0, x, places.Utterances, y, firstRow, x.Columns);
    }

    private static KernelFamily<bool> PoolKernels(Kernels kernels)
        => new(kernels, "pool.cu", "pool", static withDeviation => [$"DEVIATION={(withDeviation ? 1 : 0)}", $"WARPS={PoolWarps}"]);
}
