using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>How positional_conv.cu, the float32 one, cuts up a group's channels and taps.</summary>
/// <param name="Channels">Of a group.</param>
/// <param name="Kernel">Taps.</param>
internal readonly record struct PositionalConvShape(int Channels, int Kernel)
{
    /// <summary>Inputs of a step: with 8 taps and 64 outputs two steps take 22 KB, and four blocks fit on every multiprocessor.</summary>
    public const int Inputs = 4;

    /// <summary>Taps of a step.</summary>
    public const int Taps = 8;

    private const int MostOutputs = 64;
    private const int FramesOfThread = 8;
    private const int WarpThreads = 32;

    private static int TileFrames => DeviceBatch.TileFramesOf(ElementType.Float32);

    /// <summary>Blocks that share the outputs of a group.</summary>
    public int Blocks => CeilingOf(Channels, MostOutputs);

    /// <summary>Outputs of a block, in fours.</summary>
    public int Fours => CeilingOf(CeilingOf(Channels, 4), Blocks);

    /// <summary>Threads of a block: 4 outputs and 8 frames each, and as many as make whole warps.</summary>
    public int Threads => CeilingOf(TileFrames / FramesOfThread * Fours, WarpThreads) * WarpThreads;

    public KernelVariant Describe() => new("positional_conv.cu", "positional_conv",
        [$"CHANNELS={Channels}", $"KERNEL={Kernel}", $"BLOCKS={Blocks}", $"FOURS={Fours}", $"INPUTS={Inputs}", $"TAPS={Taps}", $"TILE_FRAMES={TileFrames}"], Threads);

    /// <summary>Weights of a group, with the zeros that fill up inputs, taps and outputs.</summary>
    private int WeightsOfGroup => Blocks * CeilingOf(Channels, Inputs) * CeilingOf(Kernel, Taps) * Inputs * Taps * 4 * Fours;

    /// <summary>[group][tap][input][output] to [group][block][slice of inputs][chunk of taps][input][tap][output].</summary>
    public float[] Pack(ReadOnlySpan<float> weight, int groups)
    {
        int outputs = 4 * Fours, slices = CeilingOf(Channels, Inputs), chunks = CeilingOf(Kernel, Taps);
        var packed = new float[checked(groups * WeightsOfGroup)];
        for (int row = 0; row < groups * Kernel * Channels; row++)
        {
            int group = row / Channels / Kernel, tap = row / Channels % Kernel, input = row % Channels;
            ReadOnlySpan<float> values = weight.Slice(row * Channels, Channels);
            for (int block = 0; block < Blocks; block++)
            {
                int step = ((group * Blocks + block) * slices + input / Inputs) * chunks + tap / Taps;
                int first = block * outputs, count = Math.Clamp(Channels - first, 0, outputs);
                values.Slice(Math.Min(first, Channels), count).CopyTo(packed.AsSpan(((step * Inputs + input % Inputs) * Taps + tap % Taps) * outputs));
            }
        }
        return packed;
    }

    private static int CeilingOf(int value, int divisor) => (value + divisor - 1) / divisor;
}
