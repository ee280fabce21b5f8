using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private readonly KernelFamily<AttentionVariant> _attentions;

    /// <inheritdoc cref="IBackend.GatedAttention" />
    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
    {
        RequireShape(qkv, batch.Frames, 3 * context.Columns, nameof(qkv), OperandType);
        RequireShape(context, batch.Frames, context.Columns, nameof(context), OperandType);
        if (bias is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), batch.Frames, heads, nameof(gates));
        cancellationToken.ThrowIfCancellationRequested();
        var variant = new AttentionVariant(context.Columns / heads, Biased: bias is not null, OperandType);
        var places = (DeviceBatch)batch.Places!;
        _attentions[variant].Launch(
            _stream, new Grid(places.TileCount, heads),
            qkv, gates, bias?.Table, bias?.Radius ?? 0, places.Tiles, places.Utterances, context);
    }

    /// <summary>What an attention is compiled for: float32 operands, or halves for tensor cores.</summary>
    internal readonly record struct AttentionVariant(int HeadWidth, bool Biased, ElementType Operands)
    {
        private const int Threads = 128;

        // With 64 keys at a time a wider head would leave no room for a second block on a multiprocessor of sm_80.
        private const int WidestHeadOf64Keys = 64;

        // 32 queries of a wider head, their scores and their context do not fit in a warp's registers; of these they take nearly all.
        private const int WidestHeadOf32Queries = 80;

        private const int KeysOnTensorCores = 64;

        private int TileFrames => DeviceBatch.TileFramesOf(Operands);

        public KernelVariant Describe() => Operands == ElementType.Float32 ? DescribeExact() : DescribeOnTensorCores();

        /// <summary>In shared memory a tile of queries, one of keys and one of values, in rows of an odd number of float4; their powers; a slice of the bias.</summary>
        private KernelVariant DescribeExact()
        {
            int keys = HeadWidth <= WidestHeadOf64Keys ? 64 : 32;
            int sharedBytes = ((HeadWidth + 3) / 4 | 1) * 4 * sizeof(float) * (TileFrames + 2 * keys) + (TileFrames * (keys + 8) + TileFrames + keys) * sizeof(float);
            return new("gated_attention.cu", "gated_attention",
                [$"HEAD_WIDTH={HeadWidth}", $"KEYS={keys}", $"BIASED={(Biased ? 1 : 0)}", $"SHARED_BYTES={sharedBytes}", $"TILE_FRAMES={TileFrames}"], Threads, sharedBytes);
        }

        /// <summary>In shared memory, twice, a tile of keys and one of values, in rows of an odd number of 16 bytes, and a slice of the bias.</summary>
        private KernelVariant DescribeOnTensorCores()
        {
            int warps = HeadWidth <= WidestHeadOf32Queries ? 4 : 8;
            int sharedBytes = 2 * (2 * KeysOnTensorCores * ((HeadWidth + 7) / 8 | 1) * 16 + (Biased ? TileFrames + KeysOnTensorCores : 0) * sizeof(float));
            return new("gated_attention_tensor_cores.cu", "gated_attention_tensor_cores",
                [$"HEAD_WIDTH={HeadWidth}", $"WARPS={warps}", $"BIASED={(Biased ? 1 : 0)}", $"SHARED_BYTES={sharedBytes}", $"TILE_FRAMES={TileFrames}", $"Operands={Operands.KernelName()}"],
                32 * warps, sharedBytes);
        }
    }
}
