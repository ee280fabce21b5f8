using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int CompactWarps = 8;

    private readonly KernelFamily<int> _compacts;

    /// <inheritdoc cref="IBackend.Compact" />
    public void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames)
    {
        RequireShape(slots, slots.Rows, slots.Columns, nameof(slots));
        RequireShape(frames, batch.Frames, slots.Columns, nameof(frames));
        var places = (DeviceBatch)batch.Places!;
        _compacts[slots.Columns].Launch(
            _stream, Grid.Over(slots.Rows, CompactWarps),
            places.Utterances, batch.Count, slots, firstSlot, slots.Rows, frames);
    }

    internal static KernelVariant CompactKernel(int columns)
        => new("compact.cu", "compact", [$"C={columns}", $"WIDTH={PackedWidth.Of(columns, ElementType.Float32)}", $"WARPS={CompactWarps}", "Element=float"], 32 * CompactWarps);
}
