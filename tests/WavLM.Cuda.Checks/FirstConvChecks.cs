using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>The first convolution: with GroupNorm folded into its taps, and with a layer norm over its channels.</summary>
internal static class FirstConvChecks
{
    private const double Offset = 0.5;

    private static readonly (string, int[]) Channels = ("channels", [16, 33, 48, 64, 512]);

    // Results are written 8, 4, 2 or 1 at a time.
    private static readonly (string, int[]) Widths = ("channels", [16, 33, 34, 36, 48, 64, 512]);

    public static IEnumerable<Check> All =>
    [
        // No utterance has fewer windows than the 79 of its first frame, and over a single one there is no variance to fold.
        .. Check.OfEveryLength("first_conv with group norm", first: 79, (on, windows) => Errs(on, Configs.WithConvLayers(new ConvLayer(17, 10, 5)), [windows], group: true)),
        .. Check.OfEveryLength("first_conv", first: 1, (on, frames) => Errs(on, Configs.WithConvLayers(new ConvLayer(17, 10, 5)), [frames], group: false)),
        .. Check.Cross("first_conv fold_group_norm", Channels, ("frames", [1, 7]), (on, c, f) => FoldErrs(on, c, f, offset: 0)),
        .. Check.Cross("first_conv fold_group_norm of a recording with an offset", Channels, ("frames", [7]), (on, c, f) => FoldErrs(on, c, f, Offset)),
        .. Check.Cross("first_conv with group norm", Widths, ("frames", [1, 5]), (on, c, f) => Errs(on, Configs.Usual(c), [f, f], group: true)),
        .. Check.Cross("first_conv with layer norm", Widths, ("frames", [1, 5]), (on, c, f) => Errs(on, Configs.Usual(c), [f, f], group: false)),
        .. Check.Cross("first_conv of other shapes", ("kernel", [1, 3, 7]), ("stride", [1, 3]), ("norm", [0, 1]), OfOtherShapes),
        .. Check.Cross("first_conv in tiles", ("norm", [0, 1]), InTiles),
        .. Check.Cross("first_conv does not see neighbours", ("norm", [0, 1]), DoesNotSeeNeighbours),
        .. Check.Cross("first_conv of no window is nothing", ("norm", [0, 1]), OfNoWindowIsNothing),
    ];

    private static void FoldErrs(CheckedBackend on, int channels, int frames, double offset)
    {
        EncoderConfig config = Configs.Usual(channels);
        var weights = Host.Of(config.ConvLayers[0]);
        float[][] samples = [Samples(config, frames, seed: 101, offset), Samples(config, frames + 1, seed: 102, offset)];
        using PackedBatch batch = on.Pack(config, samples);
        using FirstConvWeights conv = weights.Keep(on, group: true);

        using Tensor folded = on.Backend.FoldGroupNorm(batch, conv);

        Matrix actual = on.Download(folded);
        for (int i = 0; i < samples.Length; i++)
        {
            (float[] naive, double[] exact) = (Folded<float>(samples[i], weights), Folded<double>(samples[i], weights));
            int taps = conv.Kernel * channels, first = i * (conv.Kernel + 1);
            // Of another size than the taps, so with a bound of its own.
            on.Errors.AtMostTwice($"taps of utterance {i}", actual.Range(first, conv.Kernel), naive[..taps], exact[..taps], ElementType.Float32);
            on.Errors.AtMostTwice($"shift of utterance {i}", actual.Range(first + conv.Kernel, 1), naive[taps..], exact[taps..], ElementType.Float32);
        }
    }

    private static T[] Folded<T>(float[] samples, Host weights)
        where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        int channels = weights.Taps.Columns, kernel = weights.Taps.Rows - 1;
        T[] taps = Plain.Of<T>(weights.Taps.Values), gain = Plain.Of<T>(weights.Norm.Gain), bias = Plain.Of<T>(weights.Norm.Bias);
        (T[] mean, T[] deviation) = Plain.Moments(Plain.FirstConv<T>(samples, weights.Taps, weights.Shape.Stride), channels, weights.Norm.Epsilon);
        var folded = new T[taps.Length];
        for (int i = 0; i < folded.Length; i++)
        {
            int channel = i % channels;
            folded[i] = i < kernel * channels
                ? taps[i] * gain[channel] / deviation[channel]
                : bias[channel] + (taps[i] - mean[channel]) * gain[channel] / deviation[channel];
        }
        return folded;
    }

    private static void OfOtherShapes(CheckedBackend on, int kernel, int stride, int norm)
        => Errs(on, Configs.WithConvLayers(new(48, kernel, stride), new(8, 3, 2)), [9, 40], group: norm == 0);

    private static void Errs(CheckedBackend on, EncoderConfig config, int[] frames, bool group)
    {
        var weights = Host.Of(config.ConvLayers[0]);
        float[][] samples = [.. frames.Select((count, i) => Samples(config, count, seed: 111 + i, offset: 0))];

        Matrix[] actual = Convolved(on, config, samples, weights, group);

        for (int i = 0; i < samples.Length; i++)
        {
            float[] naive = Plain.FirstConv<float>(samples[i], weights.Taps, weights.Shape.Stride);
            double[] exact = Plain.FirstConv<double>(samples[i], weights.Taps, weights.Shape.Stride);
            Normalize(naive, weights.Norm, group);
            Normalize(exact, weights.Norm, group);
            int count = actual[i].Values.Length;
            on.Errors.AtMostTwice($"utterance {i}", actual[i], Plain.Gelu(naive[..count]), Plain.Gelu(exact[..count]), on.OperandType);
        }
    }

    private static void Normalize<T>(T[] rows, Norm norm, bool group)
        where T : struct, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        if (group) Plain.GroupNorm(rows, norm);
        else Plain.LayerNorm(rows, norm);
    }

    private static void InTiles(CheckedBackend on, int norm)
    {
        EncoderConfig config = Configs.Usual(48);
        var weights = Host.Of(config.ConvLayers[0]);
        float[][] samples = [Samples(config, 3, seed: 121, 0), Samples(config, 1, seed: 122, 0), Samples(config, 4, seed: 123, 0)];
        Matrix[] whole = Convolved(on, config, samples, weights, group: norm == 0);
        foreach (int tile in (int[])[1, 63, 64, 97])
        {
            Matrix[] inTiles = Convolved(on, config, samples, weights, group: norm == 0, tile);
            for (int i = 0; i < samples.Length; i++) on.Errors.SameBits($"utterance {i} in tiles of {tile}", inTiles[i], whole[i]);
        }
    }

    private static void DoesNotSeeNeighbours(CheckedBackend on, int norm)
    {
        EncoderConfig config = Configs.Usual(33);
        var weights = Host.Of(config.ConvLayers[0]);
        float[] x = Samples(config, 3, seed: 131, 0), other = Samples(config, 2, seed: 132, 0);
        Matrix alone = Convolved(on, config, [x], weights, group: norm == 0)[0];
        on.Errors.SameBits("behind another", Convolved(on, config, [other, x], weights, group: norm == 0)[1], alone);
        on.Errors.SameBits("between NaN", Convolved(on, config, [other, x, other], weights, group: norm == 0, spoilt: [0, 2])[1], alone);
    }

    // Nobody looks at these rows, but what a device writes there must not follow from half a window.
    private static void OfNoWindowIsNothing(CheckedBackend on, int norm)
    {
        EncoderConfig config = Configs.WithConvLayers(new(48, 10, 5), new(8, 3, 2));
        var weights = Host.Of(config.ConvLayers[0]);
        float[] samples = Inputs.Normal(config.SamplesFor(9), seed: 134);
        using PackedBatch batch = on.Pack(config, samples);
        using FirstConvWeights conv = weights.Keep(on, group: norm == 0);
        using Tensor? folded = norm == 0 ? on.Backend.FoldGroupNorm(batch, conv) : null;
        int windows = (samples.Length - conv.Kernel) / conv.Stride + 1, rows = (int)batch.Slots * config.ConvLayers[1].Stride;
        using Tensor y = on.Rent(rows, conv.Channels, on.OperandType);
        on.Backend.FirstConv(batch, folded ?? conv.Taps, conv, firstRow: 0, y);
        foreach (float value in on.Download(y).Range(windows, rows - windows).Values)
        {
            if (!float.IsNaN(value) && value != 0) throw new CheckFailedException($"row {windows} or one behind it has {value:R}, expected 0, or what was there before");
        }
    }

    /// <summary>The rows of each utterance's whole windows, less those past its slots, which no frame needs; with the utterances of <paramref name="spoilt"/> made NaN.</summary>
    private static Matrix[] Convolved(CheckedBackend on, EncoderConfig config, float[][] samples, Host weights, bool group, int tile = int.MaxValue, params int[] spoilt)
    {
        using PackedBatch batch = on.Pack(config, samples);
        foreach (int i in spoilt) on.Overwrite(batch[i].Samples, Matrix.Filled(samples[i].Length, 1, float.NaN));
        using FirstConvWeights conv = weights.Keep(on, group);
        using Tensor? folded = group ? on.Backend.FoldGroupNorm(batch, conv) : null;
        int rowsOfSlot = config.SamplesPerFrame / conv.Stride, rows = checked((int)batch.Slots * rowsOfSlot);
        var tiles = new List<Matrix>();
        for (int first = 0; first < rows; first += tiles[^1].Rows)
        {
            using Tensor y = on.Rent(Math.Min(tile, rows - first), conv.Channels, on.OperandType);
            on.Backend.FirstConv(batch, folded ?? conv.Taps, conv, first, y);
            on.NothingIsBehind("y", y);
            tiles.Add(on.Download(y));
        }
        Matrix packed = Matrix.Stack([.. tiles]);
        return [.. batch.Utterances.ToArray().Select(utterance => packed.Range(
            (int)utterance.FirstSlot * rowsOfSlot,
            (int)Math.Min(utterance.Slots * rowsOfSlot, (utterance.Samples.Rows - conv.Kernel) / conv.Stride + 1)))];
    }

    // Longer than its frames need: what is left over belongs to the statistics as far as it makes whole windows.
    private static float[] Samples(EncoderConfig config, int frames, int seed, double offset)
        => Inputs.Normal(config.SamplesFor(frames) + config.SamplesPerFrame - 1, seed, deviation: 0.1, mean: offset);

    /// <summary>A first convolution's weights on the host.</summary>
    private sealed record Host(ConvLayer Shape, Matrix Taps, Norm Norm)
    {
        public static Host Of(ConvLayer shape)
            => new(shape, Inputs.Matrix(shape.Kernel + 1, shape.Channels, seed: 141, deviation: 0.5), Inputs.Norm(shape.Channels, seed: 142));

        public FirstConvWeights Keep(CheckedBackend on, bool group) => new(
            Shape.Kernel, Shape.Stride, on.Backend.Keep(Taps.Values, Taps.Rows, Taps.Columns), group ? on.Keep(Norm) : null, group ? null : on.Keep(Norm));
    }
}
