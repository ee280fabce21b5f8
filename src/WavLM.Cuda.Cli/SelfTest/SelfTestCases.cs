using WavLM.Cuda.Backends;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>A few shapes of every operation: around the tiles of kernels, and at widths of the published models where that is quick.</summary>
internal static class SelfTestCases
{
    private static readonly WaveformNormalization AsIs = new(Normalize: false, Epsilon: 0, Center: false);
    private static readonly int[] Lengths = [70, 1, 130];

    public static IReadOnlyList<SelfTestCase> All { get; } =
    [
        new("weighted_sum", "3 layers of 65 x 96", WeightedSum),   // first: the operands of others are placed by it
        new("normalize_waveform", "3 utterances", on => Waveforms(on, new(Normalize: true, Epsilon: 1e-7, Center: false))),
        new("normalize_waveform", "3 utterances, centred", on => Waveforms(on, new(Normalize: false, Epsilon: 0, Center: true))),
        new("group_norm_fold", "2 utterances, 512 channels", on => FirstConv(on, 512, group: true, foldOnly: true)),
        new("first_conv", "512 channels, GroupNorm", on => FirstConv(on, 512, group: true, foldOnly: false), HasOperands: true),
        new("first_conv", "48 channels, LayerNorm", on => FirstConv(on, 48, group: false, foldOnly: false), HasOperands: true),
        new("strided_conv", "64 to 64 channels, 3 taps", on => StridedConv(on, rows: 300, channels: 64, taps: 3, norm: false), HasOperands: true),
        new("strided_conv", "512 to 512 channels, 3 taps, LayerNorm", on => StridedConv(on, rows: 33, channels: 512, taps: 3, norm: true), HasOperands: true),
        new("strided_conv", "64 to 64 channels, 2 taps", on => StridedConv(on, rows: 257, channels: 64, taps: 2, norm: false), HasOperands: true),
        new("compact", "3 utterances, 33 columns", Compact, Exact: true),
        new("layer_norm", "257 x 768", on => LayerNorm(on, rows: 257, heads: 0, columns: 768), HasOperands: true),
        new("layer_norm", "65 x 768, gates of 12 heads", on => LayerNorm(on, rows: 65, heads: 12, columns: 768), HasOperands: true),
        new("linear", "130 x 256 to 512", on => Linear(on, Epilogue.None), HasOperands: true),
        new("linear", "130 x 256 to 512, GELU", on => Linear(on, Epilogue.GeluErf), HasOperands: true),
        new("linear", "130 x 256 to 512, added to y", on => Linear(on, Epilogue.AddToDestination), HasOperands: true),
        new("positional_conv", "3 utterances, 48 columns a group, 128 taps", on => PositionalConv(on, columns: 96, groups: 2, taps: 128), HasOperands: true),
        new("gated_attention", "3 utterances, 2 heads of 64", on => Attention(on, heads: 2, headWidth: 64, biased: true), HasOperands: true),
        new("gated_attention", "3 utterances, 2 heads of 80, no bias", on => Attention(on, heads: 2, headWidth: 80, biased: false), HasOperands: true),
        new("pool", "3 utterances, mean", on => Pool(on, withDeviation: false)),
        new("pool", "3 utterances, mean and deviation", on => Pool(on, withDeviation: true)),
        new("nearest_centroid", "130 x 96, 100 centroids", NearestCentroid, Exact: true),
    ];

    private static EncoderConfig FrontEnd(int channels) => EncoderSizes.Base with
    {
        ConvLayers = [.. EncoderSizes.Base.ConvLayers.Select(layer => layer with { Channels = channels })],
    };

    private static float[] Waveforms(SelfTestBench on, WaveformNormalization normalization)
    {
        using PackedBatch batch = on.Pack(FrontEnd(32), normalization, Lengths);
        return [.. batch.Utterances.ToArray().SelectMany(utterance => on.Read(utterance.Samples))];
    }

    private static float[] FirstConv(SelfTestBench on, int channels, bool group, bool foldOnly)
    {
        EncoderConfig config = FrontEnd(channels);
        (_, int kernel, int stride) = config.ConvLayers[0];
        using PackedBatch batch = on.Pack(config, AsIs, 3, 2);
        NormWeights norm = on.Norm(channels, seed: 11);
        using FirstConvWeights conv = new(
            kernel, stride, on.Backend.Keep(SelfTestBench.Values((kernel + 1) * channels, seed: 12), kernel + 1, channels), group ? norm : null, group ? null : norm);
        using Tensor? folded = group ? on.Backend.FoldGroupNorm(batch, conv) : null;
        if (folded is not null && foldOnly) return on.Read(folded);

        int rowsOfSlot = config.SamplesPerFrame / stride;
        using Tensor y = on.RentOperands(batch.Slots * rowsOfSlot, channels);
        on.Backend.FirstConv(batch, folded ?? conv.Taps, conv, firstRow: 0, y);

        // Rows of windows that reach past an utterance mean nothing.
        float[] rows = on.Read(y);
        return [.. batch.Utterances.ToArray().SelectMany(utterance => rows
            .Skip((int)utterance.FirstSlot * rowsOfSlot * channels)
            .Take((int)Math.Min(utterance.Slots * rowsOfSlot, (utterance.Samples.Rows - kernel) / stride + 1) * channels))];
    }

    private static float[] StridedConv(SelfTestBench on, int rows, int channels, int taps, bool norm)
    {
        const int Stride = 2;
        long computed = (rows + on.Backend.RowTile - 1L) / on.Backend.RowTile * on.Backend.RowTile;
        int readRows = (rows - 1) * Stride + taps;
        using Tensor x = on.PlaceOperands(SelfTestBench.Values(readRows * channels, seed: 21), StridedConvWeights.OperandsFor(channels, on.Backend.OperandType), readRows, (computed - 1) * Stride + taps);
        using StridedConvWeights conv = on.Backend.PackStridedConv(
            on.Rounded(SelfTestBench.Values(channels * taps * channels, seed: 22, 1.7f / MathF.Sqrt(taps * channels))), on.Rounded(SelfTestBench.Values(channels, seed: 23)),
            norm ? on.Norm(channels, seed: 24) : null, channels, new ConvLayer(channels, taps, Stride), rowsOfSlot: 2, on.Backend.OperandType);
        using Tensor y = on.RentOperands(rows, channels);
        on.Backend.StridedConv(x, conv, y);
        return on.Read(y);
    }

    private static float[] Compact(SelfTestBench on)
    {
        const int Columns = 33;
        using PackedBatch batch = on.Pack(FrontEnd(32), AsIs, Lengths);
        using Tensor slots = on.Place(SelfTestBench.Values((int)batch.Slots * Columns, seed: 31), batch.Slots);
        using Tensor frames = on.Rent(batch.Frames, Columns);
        on.Backend.Compact(batch, slots, firstSlot: 0, frames);
        return on.Read(frames);
    }

    private static float[] LayerNorm(SelfTestBench on, int rows, int heads, int columns)
    {
        using Tensor x = on.Place(SelfTestBench.Values(rows * columns, seed: 41), rows);
        using Tensor y = on.RentOperands(rows, columns);
        using NormWeights norm = on.Norm(columns, seed: 42);
        if (heads == 0)
        {
            on.Backend.LayerNorm(x, norm, y);
            return on.Read(y);
        }
        using Tensor gates = on.Rent(rows, heads);
        using GateWeights gate = new(
            on.Backend.Keep(SelfTestBench.Values(2 * columns / heads, seed: 44), 2, columns / heads), on.Keep(SelfTestBench.Values(2, seed: 45)), on.Keep(SelfTestBench.Values(heads, seed: 46)));
        on.Backend.LayerNorm(x, norm, y, y, gate, gates);
        return [.. on.Read(y), .. on.Read(gates)];
    }

    private static float[] Linear(SelfTestBench on, Epilogue epilogue)
    {
        const int Rows = 130, Inputs = 256, Outputs = 512;
        using Tensor x = on.PlaceOperands(SelfTestBench.Values(Rows * Inputs, seed: 51), on.Backend.OperandType, Rows);
        bool added = epilogue == Epilogue.AddToDestination;   // to the residual stream, which is float32
        using LinearWeights weights = on.Backend.PackLinear(
            on.Rounded(SelfTestBench.Values(Outputs * Inputs, seed: 52, 0.1f)), on.Rounded(SelfTestBench.Values(Outputs, seed: 53)), Outputs, Inputs, added ? ElementType.Float32 : on.Backend.OperandType);
        using Tensor y = added ? on.Place(SelfTestBench.Values(Rows * Outputs, seed: 54), Rows) : on.RentOperands(Rows, Outputs);
        on.Backend.Linear(x, weights, y, epilogue);
        return on.Read(y);
    }

    private static float[] PositionalConv(SelfTestBench on, int columns, int groups, int taps)
    {
        using PackedBatch batch = on.Pack(FrontEnd(32), AsIs, Lengths);
        using Tensor x = on.Place(on.Rounded(SelfTestBench.Values((int)batch.Frames * columns, seed: 61)), batch.Frames);
        int weights = taps * columns / groups * columns;
        using PositionalConvWeights conv = on.Backend.PackPositionalConv(
            on.Rounded(SelfTestBench.Values(weights, seed: 62, 1.7f / MathF.Sqrt(taps * columns / groups))), SelfTestBench.Values(columns, seed: 63), columns, groups, taps);
        using Tensor y = on.Rent(batch.Frames, columns);
        on.Backend.PositionalConv(batch, x, conv, y);
        return on.Read(y);
    }

    private static float[] Attention(SelfTestBench on, int heads, int headWidth, bool biased)
    {
        const int Radius = 100;
        int width = heads * headWidth;
        using PackedBatch batch = on.Pack(FrontEnd(32), AsIs, Lengths);
        using Tensor qkv = on.PlaceOperands(SelfTestBench.Values((int)batch.Frames * 3 * width, seed: 71, 0.7f), on.Backend.OperandType, batch.Frames);
        using Tensor gates = on.Place(SelfTestBench.Values((int)batch.Frames * heads, seed: 72), batch.Frames);
        using RelativeBias bias = new(on.Backend.Keep(SelfTestBench.Values(heads * (2 * Radius + 1), seed: 73), heads, 2 * Radius + 1));
        using Tensor context = on.RentOperands(batch.Frames, width);
        on.Backend.GatedAttention(batch, qkv, heads, biased ? bias : null, biased ? gates : null, context, CancellationToken.None);
        return on.Read(context);
    }

    private static float[] WeightedSum(SelfTestBench on)
    {
        const int Rows = 65, Columns = 96;
        using Tensor sum = on.Rent(Rows, Columns);
        for (int layer = 0; layer < 3; layer++)
        {
            using Tensor x = on.Backend.Keep(SelfTestBench.Values(Rows * Columns, seed: 81 + layer), Rows, Columns);
            on.Backend.WeightedSum(x, weight: 0.3f + layer, sum, first: layer == 0);
        }
        return on.Read(sum);
    }

    private static float[] Pool(SelfTestBench on, bool withDeviation)
    {
        const int Columns = 96;
        using PackedBatch batch = on.Pack(FrontEnd(32), AsIs, Lengths);
        using Tensor x = on.Place(SelfTestBench.Values((int)batch.Frames * Columns, seed: 91), batch.Frames);
        using Tensor y = on.Rent(batch.Count, withDeviation ? 2 * Columns : Columns);
        on.Backend.Pool(batch, x, withDeviation, y, firstRow: 0);
        return on.Read(y);
    }

    private static float[] NearestCentroid(SelfTestBench on)
    {
        const int Rows = 130, Columns = 96, Centroids = 100;
        using Tensor x = on.Place(SelfTestBench.Values(Rows * Columns, seed: 95), Rows);
        using Tensor centroids = on.Backend.Keep(SelfTestBench.Values(Centroids * Columns, seed: 96), Centroids, Columns);
        using Tensor indices = on.Backend.Rent(Rows, 1, ElementType.Int32);
        on.Backend.NearestCentroid(x, centroids, indices);
        return on.ReadIndices(indices);
    }
}
