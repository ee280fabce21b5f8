using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int AttentionThreads = 128;

    // With 64 keys at a time a wider head would leave no room for a second block on a multiprocessor of sm_80.
    private const int WidestHeadOf64Keys = 64;

    private readonly KernelFamily<AttentionVariant> _attentions;

    /// <inheritdoc cref="IBackend.GatedAttention" />
    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
    {
        RequireShape(qkv, batch.Frames, 3 * context.Columns, nameof(qkv));
        RequireShape(context, batch.Frames, context.Columns, nameof(context));
        if (bias is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), batch.Frames, heads, nameof(gates));
        cancellationToken.ThrowIfCancellationRequested();
        var variant = new AttentionVariant(context.Columns / heads, Biased: bias is not null);
        var places = (DeviceBatch)batch.Places!;
        _attentions[variant].Launch(
            _stream, new Grid(places.TileCount, heads),
            qkv, gates, bias?.Table, bias?.Radius ?? 0, places.Tiles, places.Utterances, context);
    }

    internal readonly record struct AttentionVariant(int HeadWidth, bool Biased)
    {
        public int Keys => HeadWidth <= WidestHeadOf64Keys ? 64 : 32;

        /// <summary>A tile of queries, one of keys and one of values, in rows of an odd number of float4; their powers; a slice of the bias.</summary>
        public int SharedBytes
            => ((HeadWidth + 3) / 4 | 1) * 4 * sizeof(float) * (TileFrames + 2 * Keys)
                + (TileFrames * (Keys + 8) + TileFrames + Keys) * sizeof(float);

        private static int TileFrames => DeviceBatch.TileFramesOf(ElementType.Float32);

        public KernelVariant Describe() => new("gated_attention.cu", "gated_attention",
            [$"HEAD_WIDTH={HeadWidth}", $"KEYS={Keys}", $"BIASED={(Biased ? 1 : 0)}", $"SHARED_BYTES={SharedBytes}", $"TILE_FRAMES={TileFrames}"], AttentionThreads, SharedBytes);
    }
}
