using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    /// <remarks>
    /// Flash style: a block of 512 queries of a head walks over tiles of 512 keys. Keys and values of a tile are copied together
    /// once, zeros behind the last; then for 64 queries at a time scores by matmul, bias and running softmax by row, values by
    /// matmul into a running sum. A worker's part is about 700 KB, inside the second-level cache. Memory is linear in frames;
    /// the bias is one slice of the table a tile, never a matrix.
    /// </remarks>
    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
    {
        int width = context.Columns, headWidth = width / heads;
        RequireShape(qkv, batch.Frames, 3 * width, nameof(qkv));
        RequireShape(context, batch.Frames, width, nameof(context));
        if (bias is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), batch.Frames, heads, nameof(gates));
        if (!_attentions.TryGetValue((headWidth, qkv.Columns), out AttentionMatmuls? matmuls))
            _attentions.Add((headWidth, qkv.Columns), matmuls = new AttentionMatmuls(this, headWidth, qkv.Columns));
        var attention = new AttentionBlocks(matmuls, qkv, heads, bias, gates, context);
        var blocks = new FrameTiles(batch, AttentionBlocks.Queries);
        _workers.For(blocks.Count * heads, (worker, index) =>
        {
            (PackedUtterance utterance, long frame) = blocks[index / heads];
            attention.Run(worker, utterance, frame, head: (int)(index % heads));
        }, cancellationToken);
    }
}
