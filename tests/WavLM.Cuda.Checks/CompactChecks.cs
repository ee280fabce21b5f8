using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>From slots to frames, and the whole way of packed utterances there.</summary>
internal static class CompactChecks
{
    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("compact", first: 1, (on, slots) => CopiesFramesAlone(on, slots, channels: 5)),
        .. Check.Cross("compact", ("slots", [1, 2, 3, 5, 64, 1000]), ("channels", [1, 33, 512]), CopiesFramesAlone),
        .. Check.Cross("compact behind a packed front end", ("norm", [0, 1]), BehindPackedFrontEnd),
    ];

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
    private static void BehindPackedFrontEnd(CheckedBackend on, int norm)
    {
        const int Channels = 48;
        EncoderConfig config = Configs.Usual(Channels);
        int[] frames = [2, 130, 1, 5];
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
            Norm norm = Inputs.Norm(first.Channels, seed: 171);
            Tensor taps = on.Backend.Keep(Inputs.Normal((first.Kernel + 1) * first.Channels, seed: 172), first.Kernel + 1, first.Channels);
            _first = new FirstConvWeights(first.Kernel, first.Stride, taps, group ? on.Keep(norm) : null, group ? null : on.Keep(norm));
            _others = [.. config.ConvLayers.Skip(1).Select((shape, i) => on.Backend.PackStridedConv(
                Inputs.Normal(shape.Channels * shape.Kernel * shape.Channels, seed: 173 + i, deviation: 1 / Math.Sqrt(shape.Kernel * shape.Channels)),
                [], group ? null : on.Keep(norm), shape.Channels, shape, RowsOfSlot(config, i + 1)))];
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
            level == _config.ConvLayers.Length - 1 ? ElementType.Float32 : _others[level].OperandType,
            tile.ReadableRows(level));
    }
}
