using System.Runtime.Intrinsics;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    private const int AttentionQueries = 64;
    private const int AttentionKeys = 512;    // scores of a tile: 128 KB, in the second-level cache with its keys and values
    private const int AttentionKeyStep = 64;  // key counts up to a multiple of this read the tensor, the rest a zero-padded copy

    /// <inheritdoc />
    /// <remarks>
    /// Flash style: for 64 queries of a head, over tiles of 512 keys, scores by matmul, bias and running softmax by row, values
    /// by matmul into a running sum. Memory is linear in frames; the bias is one slice of the table a tile, never a matrix.
    /// </remarks>
    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
    {
        int width = context.Columns, headWidth = width / heads;
        RequireShape(qkv, batch.Frames, 3 * width, nameof(qkv));
        RequireShape(context, batch.Frames, width, nameof(context));
        if (bias is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), batch.Frames, heads, nameof(gates));
        var attention = new AttentionTile(this, qkv, heads, headWidth, bias, gates, context);
        var tiles = new FrameTiles(batch, AttentionQueries);
        _workers.For(tiles.Count * heads, (worker, index) =>
        {
            // Neighbouring indices share a head's keys and values.
            (long tile, int head) = (index % tiles.Count, (int)(index / tiles.Count));
            (PackedUtterance utterance, long frame) = tiles[tile];
            attention.Run(worker, utterance, frame, head);
        }, cancellationToken);
    }

    /// <summary>What every tile of one attention shares, and the tile's own walk over the keys.</summary>
    private sealed class AttentionTile
    {
        private readonly Tensor _qkv;
        private readonly Tensor _context;
        private readonly Tensor? _gates;
        private readonly RelativeBias? _bias;
        private readonly int _heads;
        private readonly int _headWidth;
        private readonly ElementType _type;
        private readonly Matmul[] _scores;       // by steps of keys: q k^T
        private readonly Matmul[] _values;       // by steps of keys: sum += p v
        private readonly Matmul _paddedScores;   // one step, keys and values from the padded copy
        private readonly Matmul _paddedValues;

        public AttentionTile(CpuBackend backend, Tensor qkv, int heads, int headWidth, RelativeBias? bias, Tensor? gates, Tensor context)
        {
            (_qkv, _heads, _headWidth, _bias, _gates, _context, _type) = (qkv, heads, headWidth, bias, gates, context, backend.OperandType);
            int steps = AttentionKeys / AttentionKeyStep;
            _scores = [.. Enumerable.Range(1, steps).Select(count => backend.MatmulOf(ScoresShape(count * AttentionKeyStep, qkv.Columns)))];
            _values = [.. Enumerable.Range(1, steps).Select(count => backend.MatmulOf(ValuesShape(count * AttentionKeyStep, qkv.Columns)))];
            _paddedScores = backend.MatmulOf(ScoresShape(AttentionKeyStep, headWidth));
            _paddedValues = backend.MatmulOf(ValuesShape(AttentionKeyStep, headWidth));
        }

        public void Run(Worker worker, PackedUtterance utterance, long frame, int head)
        {
            Scratch scratch = Scratch.Of(worker, _headWidth, _type);
            int queries = (int)Math.Min(AttentionQueries, utterance.Frames - frame);
            nint query = Operand(utterance.FirstFrame + frame, part: 0, head);
            new Span<float>(scratch.Sums, AttentionQueries * _headWidth).Clear();
            new Span<float>(scratch.Maxima, AttentionQueries).Fill(float.NegativeInfinity);
            new Span<float>(scratch.Totals, AttentionQueries).Clear();

            for (long firstKey = 0; firstKey < utterance.Frames; firstKey += AttentionKeys)
            {
                int keys = (int)Math.Min(AttentionKeys, utterance.Frames - firstKey);
                int direct = keys / AttentionKeyStep * AttentionKeyStep, rest = keys - direct;
                nint key = Operand(utterance.FirstFrame + firstKey, part: 1, head), value = Operand(utterance.FirstFrame + firstKey, part: 2, head);
                if (rest > 0)
                {
                    CopyPadded(utterance.FirstFrame + firstKey + direct, rest, part: 1, head, scratch.Keys);
                    CopyPadded(utterance.FirstFrame + firstKey + direct, rest, part: 2, head, scratch.Values);
                }

                if (direct > 0) _scores[direct / AttentionKeyStep - 1].Run(worker, query, key, 0, (nint)scratch.Scores);
                if (rest > 0) _paddedScores.Run(worker, query, (nint)scratch.Keys, 0, (nint)(scratch.Scores + direct));

                Softmax(utterance, frame, queries, firstKey, keys, head, scratch);

                nint probabilities = (nint)scratch.Probabilities, sums = (nint)scratch.Sums;
                if (direct > 0) _values[direct / AttentionKeyStep - 1].Run(worker, probabilities, value, 0, sums);
                if (rest > 0) _paddedValues.Run(worker, probabilities + direct * _type.Bytes(), (nint)scratch.Values, 0, sums);
            }

            for (int row = 0; row < queries; row++)
            {
                float* sum = scratch.Sums + row * _headWidth;
                VectorMath.Scale(sum, 1 / scratch.Totals[row], _headWidth);
                byte* destination = (byte*)RowOf(_context, utterance.FirstFrame + frame + row) + (nint)head * _headWidth * _type.Bytes();
                VectorMath.Convert(sum, destination, _headWidth, _type);
            }
        }

        /// <summary>p = 2^(s + gate bias - max) by row (keys that are not there get 2^-126 on zero values), with the running maximum, total and sum brought up to it.</summary>
        private void Softmax(PackedUtterance utterance, long frame, int queries, long firstKey, int keys, int head, Scratch scratch)
        {
            int padded = VectorMath.RoundUp(keys, AttentionKeyStep);
            if (_bias is not null) FillBias(head, firstKey - frame - (AttentionQueries - 1), padded + AttentionQueries, scratch.Bias);
            for (int row = 0; row < queries; row++)
            {
                float* scores = scratch.Scores + row * AttentionKeys;
                new Span<float>(scores + keys, padded - keys).Fill(float.NegativeInfinity);
                float largest = _bias is null
                    ? VectorMath.Max(scores, padded)
                    : VectorMath.AddScaled(scores, GateOf(utterance.FirstFrame + frame + row, head), scratch.Bias + (AttentionQueries - 1 - row), padded);

                float maximum = Math.Max(scratch.Maxima[row], largest);
                float rescale = MathF.Pow(2, scratch.Maxima[row] - maximum);
                scratch.Maxima[row] = maximum;
                if (firstKey > 0) VectorMath.Scale(scratch.Sums + row * _headWidth, rescale, _headWidth);
                byte* probabilities = scratch.Probabilities + (nint)row * AttentionKeys * _type.Bytes();
                scratch.Totals[row] = scratch.Totals[row] * rescale + VectorMath.Exp2(scores, maximum, probabilities, padded, _type);
            }
        }

        private float GateOf(long frame, int head) => ((float*)_gates!.Address)[frame * _heads + head];

        /// <summary>The table's values for distances first .. first + count - 1: constant beyond its radius.</summary>
        private void FillBias(int head, long first, int count, float* values)
        {
            int radius = _bias!.Radius;
            float* center = (float*)RowOf(_bias.Table, head) + radius;
            for (int i = 0; i < count; i++) values[i] = center[Math.Clamp(first + i, -radius, radius)];
        }

        private nint Operand(long row, int part, int head)
            => (nint)RowOf(_qkv, row) + (nint)(part * _context.Columns + head * _headWidth) * _type.Bytes();

        // The rows behind an utterance's last key are a neighbour's: what they hold, NaN included, must not reach it.
        private void CopyPadded(long row, int rows, int part, int head, byte* destination)
        {
            int rowBytes = _headWidth * _type.Bytes();
            for (int i = 0; i < rows; i++) Buffer.MemoryCopy((void*)Operand(row + i, part, head), destination + i * rowBytes, rowBytes, rowBytes);
            new Span<byte>(destination + rows * rowBytes, (AttentionKeyStep - rows) * rowBytes).Clear();
        }

        private MatmulShape ScoresShape(int keys, int keyStride) => new(AttentionQueries, _headWidth, keys)
        {
            Operands = _type,
            Destination = ElementType.Float32,
            SourceStride = _qkv.Columns,
            DestinationStride = AttentionKeys,
            Weights = WeightLayout.Transposed,
            WeightStride = keyStride,
        };

        private MatmulShape ValuesShape(int keys, int valueStride) => new(AttentionQueries, keys, _headWidth)
        {
            Operands = _type,
            Destination = ElementType.Float32,
            SourceStride = AttentionKeys,
            DestinationStride = _headWidth,
            Weights = WeightLayout.Rows,
            WeightStride = valueStride,
            Accumulate = true,
        };
    }

    /// <summary>A worker's memory for one tile of attention.</summary>
    private readonly ref struct Scratch
    {
        public float* Scores { get; private init; }

        /// <summary>[queries, keys] as matmul operands; in float32 in the place of the scores.</summary>
        public byte* Probabilities { get; private init; }

        public float* Sums { get; private init; }

        public float* Maxima { get; private init; }

        public float* Totals { get; private init; }

        public float* Bias { get; private init; }

        public byte* Keys { get; private init; }

        public byte* Values { get; private init; }

        public static Scratch Of(Worker worker, int headWidth, ElementType type)
        {
            int scores = AttentionQueries * AttentionKeys * sizeof(float), sums = VectorMath.RoundUp(AttentionQueries * headWidth * sizeof(float), 64);
            int rows = AttentionQueries * sizeof(float), bias = (AttentionKeys + 2 * AttentionQueries) * sizeof(float);
            int copy = VectorMath.RoundUp(AttentionKeyStep * headWidth * sizeof(float), 64);
            byte* memory = worker.Scratch(2 * scores + sums + 2 * rows + bias + 2 * copy);
            byte* Next(int bytes)
            {
                byte* part = memory;
                memory += bytes;
                return part;
            }
            byte* scoresAt = Next(scores), probabilities = Next(scores);
            return new Scratch
            {
                Scores = (float*)scoresAt,
                Probabilities = type == ElementType.Float32 ? scoresAt : probabilities,
                Sums = (float*)Next(sums),
                Maxima = (float*)Next(rows),
                Totals = (float*)Next(rows),
                Bias = (float*)Next(bias),
                Keys = Next(copy),
                Values = Next(copy),
            };
        }
    }
}
