using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>One attention over a packed batch: what its blocks of queries share, and a block's own walk over the keys.</summary>
internal sealed unsafe class AttentionBlocks(AttentionMatmuls matmuls, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context)
{
    /// <summary>Queries that share one copy of a tile's keys and values.</summary>
    public const int Queries = 512;

    private readonly int _headWidth = matmuls.HeadWidth;
    private readonly ElementType _type = matmuls.Type;

    /// <summary>The context of up to <see cref="Queries"/> frames of an utterance, from <paramref name="frame"/> on, for one head.</summary>
    public void Run(Worker worker, PackedUtterance utterance, long frame, int head)
    {
        int queries = (int)Math.Min(Queries, utterance.Frames - frame);
        AttentionScratch scratch = AttentionScratch.Of(worker, matmuls);
        new Span<float>(scratch.Sums, Queries * _headWidth).Clear();
        new Span<float>(scratch.Maxima, Queries).Fill(float.NegativeInfinity);
        new Span<float>(scratch.Totals, Queries).Clear();

        for (long firstKey = 0; firstKey < utterance.Frames; firstKey += AttentionMatmuls.Keys)
        {
            int keys = (int)Math.Min(AttentionMatmuls.Keys, utterance.Frames - firstKey);
            int padded = VectorMath.RoundUp(keys, AttentionMatmuls.KeyStep);
            CopyPadded(utterance.FirstFrame + firstKey, keys, padded, part: 2, head, scratch.Rows);
            matmuls.Packing(padded).Run(worker, (nint)scratch.Rows, (nint)scratch.Values);
            CopyPadded(utterance.FirstFrame + firstKey, keys, padded, part: 1, head, scratch.Rows);

            for (int tile = 0; tile < queries; tile += AttentionMatmuls.Queries)
            {
                int rows = Math.Min(AttentionMatmuls.Queries, queries - tile);
                nint query = Operand(utterance.FirstFrame + frame + tile, part: 0, head);
                matmuls.Scores(padded).Run(worker, query, (nint)scratch.Rows, 0, (nint)scratch.Scores);
                Softmax(scratch, utterance, frame, tile, rows, firstKey, keys, head);
                matmuls.Sums(padded).Run(worker, (nint)scratch.Probabilities, (nint)scratch.Values, 0, (nint)(scratch.Sums + tile * _headWidth));
            }
        }

        for (int row = 0; row < queries; row++)
        {
            float* sum = scratch.Sums + row * _headWidth;
            VectorMath.Scale(sum, 1 / scratch.Totals[row], _headWidth);
            byte* destination = (byte*)context.Address + ((utterance.FirstFrame + frame + row) * context.Columns + head * _headWidth) * _type.Bytes();
            VectorMath.Convert(sum, destination, _headWidth, _type);
        }
    }

    /// <summary>
    /// p = 2^(s + gate bias - max) for the rows of a tile, with the running maximum, total and sum of each brought up to it.
    /// Keys that are not there get 2^-126, on values of zero.
    /// </summary>
    private void Softmax(in AttentionScratch scratch, PackedUtterance utterance, long frame, int tile, int rows, long firstKey, int keys, int head)
    {
        int padded = VectorMath.RoundUp(keys, AttentionMatmuls.KeyStep);
        if (bias is not null) FillBias(head, firstKey - (frame + tile) - (rows - 1), padded + rows, scratch.Bias);
        for (int row = 0; row < rows; row++)
        {
            float* scores = scratch.Scores + row * AttentionMatmuls.Keys;
            new Span<float>(scores + keys, padded - keys).Fill(float.NegativeInfinity);
            float largest = bias is null
                ? VectorMath.Max(scores, padded)
                : VectorMath.AddScaled(scores, GateOf(utterance.FirstFrame + frame + tile + row, head), scratch.Bias + (rows - 1 - row), padded);

            float* maximum = scratch.Maxima + tile + row, total = scratch.Totals + tile + row;
            float raised = Math.Max(*maximum, largest), rescale = firstKey == 0 ? 0 : MathF.Pow(2, *maximum - raised);
            byte* probabilities = scratch.Probabilities + (nint)row * AttentionMatmuls.Keys * _type.Bytes();
            *total = *total * rescale + VectorMath.Exp2(scores, raised, probabilities, padded, _type);
            *maximum = raised;
            if (firstKey > 0 && rescale != 1) VectorMath.Scale(scratch.Sums + (tile + row) * _headWidth, rescale, _headWidth);
        }
    }

    /// <summary>The table's values for distances first .. first + count - 1: constant beyond its radius.</summary>
    private void FillBias(int head, long first, int count, float* values)
    {
        int radius = bias!.Radius;
        float* center = (float*)bias.Table.Address + (long)head * bias.Table.Columns + radius;
        for (int i = 0; i < count; i++) values[i] = center[Math.Clamp(first + i, -radius, radius)];
    }

    private float GateOf(long frame, int head) => ((float*)gates!.Address)[frame * heads + head];

    private nint Operand(long row, int part, int head)
        => qkv.Address + (nint)(row * qkv.Columns + part * context.Columns + head * _headWidth) * _type.Bytes();

    // The rows behind an utterance's last key are a neighbour's: what they hold, NaN included, must not reach it.
    private void CopyPadded(long row, int rows, int padded, int part, int head, byte* destination)
    {
        int rowBytes = _headWidth * _type.Bytes();
        nint source = Operand(row, part, head), stride = (nint)qkv.Columns * _type.Bytes();
        for (int i = 0; i < rows; i++) Buffer.MemoryCopy((void*)(source + i * stride), destination + i * rowBytes, rowBytes, rowBytes);
        new Span<byte>(destination + rows * rowBytes, (padded - rows) * rowBytes).Clear();
    }
}
