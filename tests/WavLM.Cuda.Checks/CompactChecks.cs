using System.Numerics;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>From slots to frames, and the whole way of packed utterances there.</summary>
internal static class CompactChecks
{
    // Half operands and float32 ones take turns where the operands' type is half.
    private static EncoderConfig Mixed { get; } = Configs.WithConvLayers(new(264, 10, 5), new(48, 3, 2), new(264, 3, 2), new(258, 3, 2), new(33, 3, 2), new(264, 2, 2), new(264, 2, 2));

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("compact", first: 1, (on, slots) => CopiesFramesAlone(on, slots, channels: 5)),
        .. Check.Cross("compact", ("slots", [1, 2, 3, 5, 64, 1000]), ("channels", [1, 33, 512]), CopiesFramesAlone),
        .. Check.Cross("compact behind a packed front end", ("norm", [0, 1]), (on, n) => BehindPackedFrontEnd(on, Configs.Usual(48), n, [2, 130, 1, 5])),
        .. Check.Cross("compact behind a packed front end of long kernels", ("norm", [0, 1]), BehindLongKernels),
        .. Check.Cross("compact behind a packed front end of few and many channels", ("norm", [0, 1]), (on, n) => BehindPackedFrontEnd(on, Mixed, n, [2, 9, 1, 5])),
    ];

    // Once, an utterance had one slot more than frames, whatever its frames see, and the last ones saw their neighbour.
    private static void BehindLongKernels(CheckedBackend on, int norm)
    {
        EncoderConfig config = Configs.WithConvLayers(new(16, 8, 5), new(16, 4, 2), new(16, 5, 2), new(16, 7, 2), new(16, 3, 1));
        int[] frames = [3, 1, 2, 10];
        float[][] samples = [.. frames.Select((count, i) => Inputs.Normal(config.SamplesFor(count) + 7 * i, seed: 165 + i, deviation: 0.1))];
        using FrontEnd frontEnd = new(on, config, group: norm == 0);

        Matrix packed = frontEnd.Run(samples, on.Backend.FrontEndTileFrames);

        on.Errors.AtMostTwice("frames", packed, [.. samples.SelectMany(frontEnd.Plain<float>)], [.. samples.SelectMany(frontEnd.Plain<double>)], ElementType.Float32);
    }

    private static void CopiesFramesAlone(CheckedBackend on, int slotsOfTile, int channels)
    {
        int[] frames = [3, 1, 70, 1, 2];
        using PackedBatch batch = on.BatchOf(frames);
        Matrix slots = Matrix.Filled((int)batch.Slots, channels, float.NaN), expected = Inputs.Matrix((int)batch.Frames, channels, seed: 151);
        foreach (PackedUtterance utterance in batch.Utterances)
        {
            for (int i = 0; i < utterance.Frames; i++) expected[(int)utterance.FirstFrame + i].CopyTo(slots[(int)utterance.FirstSlot + i]);
        }
        using Tensor compacted = on.Rent(batch.Frames, channels, ElementType.Float32);

        for (int first = 0; first < slots.Rows; first += slotsOfTile)
        {
            using Tensor tile = on.Upload(slots.Range(first, Math.Min(slotsOfTile, slots.Rows - first)), ElementType.Float32);
            on.Backend.Compact(batch, tile, first, compacted);
        }

        on.Errors.SameBits("frames", on.Download(compacted), expected);
    }

    // Rows between two utterances are computed from both or never written (here: NaN). None of that may reach a frame.
    private static void BehindPackedFrontEnd(CheckedBackend on, EncoderConfig config, int norm, int[] frames)
    {
        float[][] samples = [.. frames.Select((count, i) => Inputs.Normal(config.SamplesFor(count) + 80 * i, seed: 161 + i, deviation: 0.1))];
        using FrontEnd frontEnd = new(on, config, group: norm == 0);

        Matrix packed = frontEnd.Run(samples, on.Backend.FrontEndTileFrames);

        for (int i = 0, first = 0; i < frames.Length; first += frames[i++])
            on.Errors.SameBits($"utterance {i}", packed.Range(first, frames[i]), frontEnd.Run([samples[i]], on.Backend.FrontEndTileFrames));
        on.Errors.SameBits("in tiles of 7", frontEnd.Run(samples, 7), packed);
    }

    /// <summary>The convolutions in the order of the forward pass.</summary>
    private sealed class FrontEnd : IDisposable
    {
        private readonly CheckedBackend _on;
        private readonly EncoderConfig _config;
        private readonly FirstConvWeights _first;
        private readonly StridedConvWeights[] _others;

        public FrontEnd(CheckedBackend on, EncoderConfig config, bool group)
        {
            (_on, _config) = (on, config);
            ConvLayer first = config.ConvLayers[0];
            NormWeights? NormOf(ConvLayer shape, bool wanted) => wanted ? on.Keep(NormOn(shape)) : null;
            Tensor taps = on.Backend.Keep(Taps(first).Values, first.Kernel + 1, first.Channels);
            _first = new FirstConvWeights(first.Kernel, first.Stride, taps, NormOf(first, group), NormOf(first, !group));
            _others = [.. config.ConvLayers.Skip(1).Zip(config.ConvLayers).Select((pair, i) => Packed(pair.First, pair.Second.Channels, i + 1))];

            StridedConvWeights Packed(ConvLayer shape, int inputs, int level) => on.Backend.PackStridedConv(
                Weight(shape, inputs, level).Values, [], NormOf(shape, !group), inputs, shape, RowsOfSlot(config, level), StridedConvWeights.TypeOfLevel(config, level, on.OperandType));
        }

        private static Norm NormOn(ConvLayer shape) => Inputs.Norm(shape.Channels, seed: 171);

        private static Matrix Taps(ConvLayer shape) => Inputs.Matrix(shape.Kernel + 1, shape.Channels, seed: 172);

        private static Matrix Weight(ConvLayer shape, int inputs, int level)
            => Inputs.Matrix(shape.Channels, shape.Kernel * inputs, seed: 172 + level, deviation: 1 / Math.Sqrt(shape.Kernel * inputs));

        /// <summary>One utterance's frames as the formulas say.</summary>
        public T[] Plain<T>(float[] samples)
            where T : struct, IBinaryFloatingPointIeee754<T>
        {
            ConvLayer shape = _config.ConvLayers[0];
            T[] x = Checks.Plain.FirstConv<T>(samples, Taps(shape), shape.Stride);
            if (_first.GroupNorm is null) Checks.Plain.LayerNorm(x, NormOn(shape));
            else Checks.Plain.GroupNorm(x, NormOn(shape));
            x = Checks.Plain.Gelu(x);
            for (int level = 1; level < _config.ConvLayers.Length; level++)
            {
                (int inputs, int rows) = (shape.Channels, x.Length / shape.Channels);
                shape = _config.ConvLayers[level];
                x = Checks.Plain.StridedConv(x, (rows - shape.Kernel) / shape.Stride + 1, Weight(shape, inputs, level), [], shape);
                if (_first.GroupNorm is null) Checks.Plain.LayerNorm(x, NormOn(shape));
                x = Checks.Plain.Gelu(x);
            }
            return x;
        }

        private static int RowsOfSlot(EncoderConfig config, int level)
        {
            int rows = 1;
            foreach (ConvLayer later in config.ConvLayers.Skip(level + 1)) rows *= later.Stride;
            return rows;
        }

        public Matrix Run(float[][] samples, int slotsOfTile)
        {
            using PackedBatch batch = _on.Pack(_config, samples);
            using Tensor? folded = _first.GroupNorm is null ? null : _on.Backend.FoldGroupNorm(batch, _first);
            using Tensor frames = _on.Rent(batch.Frames, _config.ConvWidth, ElementType.Float32);
            for (long slot = 0; slot < batch.Slots; slot += slotsOfTile)
            {
                var tile = new FrontEndTile(_config, slot, Math.Min(slotsOfTile, batch.Slots - slot), _on.Backend.RowTile);
                Tensor x = Rent(tile, 0);
                _on.Backend.FirstConv(batch, folded ?? _first.Taps, _first, tile.FirstRow, x);
                for (int i = 0; i < _others.Length; i++)
                {
                    using Tensor input = x;
                    x = Rent(tile, i + 1);
                    _on.Backend.StridedConv(input, _others[i], x);
                }
                using Tensor last = x;
                _on.Backend.Compact(batch, last, slot, frames);
            }
            return _on.Download(frames);
        }

        public void Dispose()
        {
            _first.Dispose();
            foreach (StridedConvWeights conv in _others) conv.Dispose();
        }

        private Tensor Rent(FrontEndTile tile, int level) => _on.Rent(
            tile.Rows(level),
            _config.ConvLayers[level].Channels,
            StridedConvWeights.TypeOfLevel(_config, level, _on.OperandType),
            tile.ReadableRows(level));
    }
}
