using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>The strided convolutions of a tile of the front end, what follows their products, and the way to frames.</summary>
internal static class FrontEndOperations
{
    public static IEnumerable<Operation> Of(IBackend backend, Workload load)
    {
        long slots = Math.Min(load.AllSlots, backend.FrontEndTileFrames);
        FrontEndTile tile = new(load.Config, firstSlot: 0, slots, backend.RowTile);
        for (int level = 1; level < load.Config.ConvLayers.Length; level++) yield return StridedConv(backend, load, tile, level);
        // On the CPU a convolution does this row by row, on its way.
        if (backend is CudaBackend) yield return load.Config.FrontEndNorm == FrontEndNorm.Group ? Gelu(backend, load, tile) : LayerNorm(backend, load, tile);
        yield return Compact(load, slots);
    }

    private static Operation StridedConv(IBackend backend, Workload load, FrontEndTile tile, int level)
    {
        EncoderConfig config = load.Config;
        ConvLayer shape = config.ConvLayers[level];
        int inputs = config.ConvLayers[level - 1].Channels, outputs = shape.Channels, rowsOfSlot = 1;
        foreach (ConvLayer later in config.ConvLayers.AsSpan()[(level + 1)..]) rowsOfSlot *= later.Stride;
        ElementType operands = StridedConvWeights.OperandsFor(inputs, backend.OperandType), results = StridedConvWeights.TypeOfLevel(config, level, backend.OperandType);
        ElementType multiplied = operands == backend.OperandType ? backend.ProductType : operands;
        long read = tile.Rows(level - 1), rows = tile.Rows(level);
        double weights = (double)shape.Kernel * inputs * outputs;
        Work work = new(operands.Bytes() * (read * (double)inputs) + multiplied.Bytes() * weights + results.Bytes() * (double)rows * outputs, 2 * weights * rows, GemmOf(multiplied));
        return new($"strided_conv {level}", load.Case, $"[{rows}, {shape.Kernel} x {inputs}] to {outputs}", work, on =>
        {
            RandomTensor x = on.Random(read, inputs, operands, readableRows: tile.ReadableRows(level - 1));
            Matrix weight = on.Matrix(outputs, shape.Kernel * inputs, operands, RandomValues.DeviationOfSum(shape.Kernel * inputs));
            (NormWeights Weights, Norm OnHost)? norm = config.FrontEndNorm == FrontEndNorm.Layer ? on.Norm(outputs) : null;
            StridedConvWeights conv = on.Own(on.Backend.PackStridedConv(weight.Values, [], norm?.Weights, inputs, shape, rowsOfSlot, results));
            Tensor y = on.Rent(rows, outputs, results, tile.ReadableRows(level));
            return new(() => on.Backend.StridedConv(x.Tensor, conv, y), agreement =>
            {
                long[] some = Buffers.Spread(rows);
                Matrix windows = x.Rows([.. some.SelectMany(row => Enumerable.Range(0, shape.Kernel).Select(tap => row * shape.Stride + tap))]);
                double[] expected = Plain.StridedConv<double>(windows, some.Length, weight, [], shape with { Stride = shape.Kernel });
                if (norm is not null) Plain.LayerNorm(expected, norm.Value.OnHost);
                agreement.Require("y", on.Read(y, some).Values, Plain.Gelu(expected), multiplied);
            });
        });
    }

    /// <summary>What follows a product in a front end with a GroupNorm; at the first level, which is the largest.</summary>
    private static Operation Gelu(IBackend backend, Workload load, FrontEndTile tile)
        => ElementOperations.Gelu("gelu conv", load.Case, tile.Rows(1), load.Config.ConvLayers[1].Channels, StridedConvWeights.TypeOfLevel(load.Config, 1, backend.OperandType));

    /// <summary>What follows a product in a front end with layer norms.</summary>
    private static Operation LayerNorm(IBackend backend, Workload load, FrontEndTile tile)
    {
        long rows = tile.Rows(1);
        int channels = load.Config.ConvLayers[1].Channels;
        ElementType type = StridedConvWeights.TypeOfLevel(load.Config, 1, backend.OperandType);
        double elements = (double)rows * channels;
        return new("layer_norm conv", load.Case, $"[{rows}, {channels}]", new(2 * type.Bytes() * elements, (KernelCosts.Norm + KernelCosts.Erf) * elements, Work.Float32), on =>
        {
            RandomTensor x = on.Random(rows, channels, type);
            (NormWeights weights, Norm norm) = on.Norm(channels);
            Tensor y = on.Rent(rows, channels, type);
            return new(() => ((CudaBackend)on.Backend).LayerNorm(x.Tensor, bias: null, weights, y, gelu: true), agreement =>
            {
                long[] some = Buffers.Spread(rows);
                agreement.Require("y", on.Read(y, some).Values, Plain.Gelu(Plain.LayerNorm<double>(x.Rows(some), norm)));
            });
        });
    }

    private static Operation Compact(Workload whole, long slots)
    {
        Workload load = whole.ThatFills(slots);
        int columns = load.Config.ConvWidth;
        return new("compact", whole.Case, $"[{slots}, {columns}]", new(8.0 * slots * columns, 0, Ceiling: null), on =>
        {
            PackedBatch batch = on.BatchOfFrames(load);
            RandomTensor x = on.Random(slots, columns, ElementType.Float32);
            Tensor frames = on.Rent(batch.Frames, columns, ElementType.Float32);
            return new(() => on.Backend.Compact(batch, x.Tensor, firstSlot: 0, frames), _ =>
            {
                foreach (long slot in Buffers.Spread(slots))
                {
                    PackedUtterance utterance = batch[batch.UtteranceAt(slot)];
                    long frame = slot - utterance.FirstSlot;
                    if (frame < utterance.Frames) Agreement.RequireSame($"slot {slot}", on.Read(frames, utterance.FirstFrame + frame).Values, x.Rows(slot).Values);
                }
            });
        });
    }

    internal static string GemmOf(ElementType multiplied) => Work.Gemm + multiplied switch
    {
        ElementType.Float16 => "fp16",
        ElementType.BFloat16 => "bf16",
        ElementType.Int8 => "int8",
        _ => "fp32",
    };
}
