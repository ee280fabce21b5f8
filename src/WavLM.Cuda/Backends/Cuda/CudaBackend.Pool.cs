using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int PoolWarps = 4;
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
            _stream, new Grid(batch.Count, (x.Columns + PoolChannels - 1) / PoolChannels), x, places.Utterances, y, firstRow, x.Columns);
    }

    internal static KernelVariant PoolKernel(bool withDeviation) => new("pool.cu", "pool", [$"DEVIATION={(withDeviation ? 1 : 0)}", $"WARPS={PoolWarps}"], 32 * PoolWarps);
}
