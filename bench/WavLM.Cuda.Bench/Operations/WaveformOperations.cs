using WavLM.Cuda.Backends;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>What is done to samples: statistics and normalisation, GroupNorm's fold, the first convolution.</summary>
internal static class WaveformOperations
{
    public static IEnumerable<Operation> Of(IBackend backend, Workload load)
    {
        yield return Normalize(load);
        if (load.Config.FrontEndNorm == FrontEndNorm.Group) yield return Fold(load);
        yield return FirstConv(backend, load);
    }

    /// <summary>waveform_statistics, chunk_sums and normalize_waveform; the statistics twice where samples are scaled.</summary>
    private static Operation Normalize(Workload load)
    {
        bool scale = load.Config.FrontEndNorm == FrontEndNorm.Layer;
        var normalization = new WaveformNormalization(Normalize: scale, Epsilon: 1e-7, Center: !scale);
        double samples = (double)load.Utterances * load.Samples;
        return new("normalize_waveform", load.Case, $"{load.Utterances} x {load.Samples} samples", new((scale ? 16 : 12) * samples, (scale ? 10 : 7) * samples, Ceiling: null), on =>
        {
            (PackedBatch batch, float[][] samples) = on.BatchOfSamples(load);
            return new(() => on.Backend.NormalizeWaveforms(batch, normalization), agreement =>
            {
                foreach (int utterance in (ReadOnlySpan<int>)[0, load.Utterances - 1])
                {
                    double[] expected = Plain.Of<double>(samples[utterance]);
                    double mean = expected.Average(), deviation = scale ? Math.Sqrt(expected.Average(x => (x - mean) * (x - mean)) + normalization.Epsilon) : 1;
                    for (int i = 0; i < expected.Length; i++) expected[i] = (expected[i] - mean) / deviation;
                    var actual = new float[expected.Length];
                    on.Device.Read(batch[utterance].Samples, System.Runtime.InteropServices.MemoryMarshal.AsBytes(actual.AsSpan()));
                    agreement.Require($"utterance {utterance}", actual, expected, ElementType.Float32);
                }
            });
        }) { TakesMemory = true };
    }

    /// <summary>window_moments, chunk_sums and group_norm_fold.</summary>
    private static Operation Fold(Workload load)
    {
        (int channels, int kernel, int stride) = load.Config.ConvLayers[0];
        double pairs = (kernel + 1) * (kernel + 2) / 2 - 1, windows = (load.Samples - kernel) / stride + 1;
        Work work = new(load.Utterances * (4.0 * load.Samples + 8.0 * (kernel + 1) * channels), load.Utterances * pairs * (2 * windows + 6 * channels), Ceiling: null);
        return new("group_norm_fold", load.Case, $"{load.Utterances} x {load.Samples} samples, {channels} channels", work, on =>
        {
            (PackedBatch batch, float[][] samples) = on.BatchOfSamples(load);
            Matrix taps = on.Matrix(kernel + 1, channels, deviation: RandomValues.DeviationOfSum(kernel));
            (NormWeights weights, Norm norm) = on.Norm(channels);
            var conv = new FirstConvWeights(kernel, stride, on.Own(on.Backend.Keep(taps.Values, kernel + 1, channels)), weights, LayerNorm: null);
            return new(() => on.Backend.FoldGroupNorm(batch, conv).Dispose(), agreement =>
            {
                using Tensor folded = on.Backend.FoldGroupNorm(batch, conv);
                int last = load.Utterances - 1;
                int[] some = [0, channels / 2, channels - 1];
                Matrix tapsOfSome = OfColumns(taps, some);
                (double[] mean, double[] deviation) = Plain.Moments(Plain.FirstConv<double>(samples[last], tapsOfSome, stride), some.Length, norm.Epsilon);
                double[] expected = new double[tapsOfSome.Values.Length];
                for (int i = 0; i < expected.Length; i++)
                {
                    int column = i % some.Length, channel = some[column];
                    double scale = norm.Gain[channel] / deviation[column];
                    expected[i] = i / some.Length < kernel ? tapsOfSome.Values[i] * scale : norm.Bias[channel] + (tapsOfSome.Values[i] - mean[column]) * scale;
                }
                Matrix actual = on.Read(folded, [.. Enumerable.Range(0, kernel + 1).Select(row => last * (kernel + 1L) + row)]);
                agreement.Require("folded taps", OfColumns(actual, some).Values, expected, ElementType.Float32);
            });
        }) { TakesMemory = true };
    }

    /// <summary>A tile of the front end, as the forward pass takes it.</summary>
    private static Operation FirstConv(IBackend backend, Workload whole)
    {
        EncoderConfig config = whole.Config;
        long slots = Math.Min(whole.AllSlots, backend.FrontEndTileFrames);
        Workload load = whole.ThatFills(slots);
        FrontEndTile tile = new(config, firstSlot: 0, slots, backend.RowTile);
        (int channels, int kernel, int stride) = config.ConvLayers[0];
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        ElementType type = StridedConvWeights.TypeOfLevel(config, 0, backend.OperandType);
        double rows = tile.Rows(0), flops = 2 * kernel + KernelCosts.Erf + (group ? 0 : KernelCosts.Norm);
        return new("first_conv", whole.Case, $"[{rows}, {channels}]", new(rows * (4.0 * stride + type.Bytes() * channels), rows * channels * flops, Work.Float32), on =>
        {
            (PackedBatch batch, float[][] samples) = on.BatchOfSamples(load);
            RandomTensor taps = on.Random((group ? load.Utterances : 1) * (kernel + 1L), channels, ElementType.Float32, RandomValues.DeviationOfSum(kernel));
            (NormWeights weights, Norm norm) = on.Norm(channels);
            var conv = new FirstConvWeights(kernel, stride, taps.Tensor, group ? weights : null, group ? null : weights);
            Tensor y = on.Rent(tile.Rows(0), channels, type, tile.ReadableRows(0));
            return new(() => on.Backend.FirstConv(batch, taps.Tensor, conv, firstRow: 0, y), agreement =>
            {
                long rowsOfUtterance = (long)load.Slots * (config.SamplesPerFrame / stride), windows = (load.Samples - kernel) / stride + 1;
                foreach (long row in Buffers.Spread(y.Rows))
                {
                    // Rows between two utterances, and past the last one, mean nothing.
                    (long utterance, long local) = Math.DivRem(row, rowsOfUtterance);
                    if (utterance >= load.Utterances || local >= windows) continue;
                    Matrix ofUtterance = taps.Rows([.. Enumerable.Range(0, kernel + 1).Select(tap => (group ? utterance : 0) * (kernel + 1) + tap)]);
                    double[] expected = Plain.FirstConv<double>(samples[utterance].AsSpan((int)local * stride, kernel).ToArray(), ofUtterance, stride);
                    if (!group) Plain.LayerNorm(expected, norm);
                    agreement.Require($"row {row}", on.Read(y, row).Values, Plain.Gelu(expected));
                }
            });
        });
    }

    private static Matrix OfColumns(Matrix x, int[] columns)
    {
        var some = new Matrix(x.Rows, columns.Length);
        for (int i = 0; i < some.Values.Length; i++) some.Values[i] = x[i / columns.Length][columns[i % columns.Length]];
        return some;
    }
}

/// <summary>FLOPs an element that formulas count alike; see kernels/README.md.</summary>
internal static class KernelCosts
{
    public const int Erf = 25;

    public const int Norm = 8;
}
