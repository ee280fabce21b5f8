using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>How positional_conv_tensor_cores.cu cuts up a group's channels and taps.</summary>
/// <param name="Channels">Of a group.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Operands">Float16 or BFloat16.</param>
internal readonly record struct PositionalConvTensorCoresShape(int Channels, int Kernel, ElementType Operands)
{
    private const int WarpThreads = 32;

    // Inputs that a product sums over, and outputs of a warp.
    private const int Slice = 16;

    // 80 outputs: wider groups are several blocks.
    private const int MostWarps = 5;

    // Of a pass: with the weights on their way its window takes 46 KB, so that two blocks fit on every multiprocessor.
    private const int MostSlices = 4, MostTaps = 128;

    // Taps of the kernel's inner loop.
    private const int Unrolled = 8;

    // Taps between the start of a weight's copy and its use, 16 products of every warp each: longer than the second cache takes to answer.
    private const int Ahead = 3;

    // Weights of a lane and tap.
    private const int LaneWeights = 8;

    /// <summary>Blocks that share the outputs of a group.</summary>
    public int Blocks => CeilingOf(Channels, Slice * MostWarps);

    private int Warps => CeilingOf(CeilingOf(Channels, Slice), Blocks);

    private int InputPasses => CeilingOf(Channels, Slice * MostSlices);

    private int Slices => CeilingOf(CeilingOf(Channels, Slice), InputPasses);

    private int TapPasses => CeilingOf(Kernel, MostTaps);

    private int Taps => CeilingOf(CeilingOf(Kernel, TapPasses), Unrolled) * Unrolled;

    // Taps that a warp goes through, in all passes and slices.
    private int Steps => InputPasses * Slices * TapPasses * Taps;

    public KernelVariant Describe() => new("positional_conv_tensor_cores.cu", "positional_conv_tensor_cores",
        [
            $"CHANNELS={Channels}", $"KERNEL={Kernel}", $"BLOCKS={Blocks}", $"WARPS={Warps}", $"SLICES={Slices}", $"TAPS={Taps}", $"AHEAD={Ahead}",
            $"WIDTH={PackedWidth.Of(Channels, ElementType.Float32)}", $"Operands={Operands.KernelName()}", $"TILE_FRAMES={DeviceBatch.TileFramesOf(Operands)}",
        ], WarpThreads * Warps);

    /// <summary>[group][tap][input][output] to the order that the kernel's contract states, with the zeros that fill up inputs, taps and outputs, and those behind them all.</summary>
    public float[] Pack(ReadOnlySpan<float> weight, int groups)
    {
        int warpsOfGroup = Blocks * Warps;
        var packed = new float[checked((groups * warpsOfGroup * Steps + Ahead) * WarpThreads * LaneWeights)];
        for (int row = 0; row < groups * Kernel * Channels; row++)
        {
            int group = row / Channels / Kernel, tap = row / Channels % Kernel, input = row % Channels, step = StepOf(input / Slice, tap);
            ReadOnlySpan<float> values = weight.Slice(row * Channels, Channels);
            for (int output = 0; output < Channels; output++)
            {
                int warp = group * warpsOfGroup + output / Slice;
                packed[(warp * Steps + step) * WarpThreads * LaneWeights + PlaceOf(input % Slice, output % Slice)] = values[output];
            }
        }
        return packed;
    }

    private int StepOf(int slice, int tap) => ((slice / Slices * TapPasses + tap / Taps) * Slices + slice % Slices) * Taps + tap % Taps;

    /// <summary>Where the 256 weights of a step have one: lane 4 g + t holds inputs 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 of column g of two products.</summary>
    private static int PlaceOf(int input, int output)
    {
        // Outputs 4 n and 4 n + 1 are columns 2 n and 2 n + 1 of the first product, the two behind them of the second.
        int product = output / 2 % 2, column = output / 4 * 2 + output % 2;
        int lane = column * 4 + input % 8 / 2, value = product * 4 + input / 8 * 2 + input % 2;
        return lane * LaneWeights + value;
    }

    private static int CeilingOf(int value, int divisor) => (value + divisor - 1) / divisor;
}
