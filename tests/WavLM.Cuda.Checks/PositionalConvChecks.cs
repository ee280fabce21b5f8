using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>The grouped convolution along an utterance's frames, at the kernels and groups that models have and at odd ones.</summary>
internal static class PositionalConvChecks
{
    private static readonly (string, int[]) Frames = ("frames", [1, 64, 65, 127, 128, 129, 256, 257]);

    public static IEnumerable<Check> All =>
    [
        // More channels than a kernel holds a window of, and more taps. First, because they meet every barrier at little cost.
        .. Check.Cross("positional_conv in parts", ("kernel", [2, 130]), ("channels", [16, 96]), (on, k, c) => Errs(on, [9, 20], c, groups: 1, k, on.OperandType)),
        .. Check.OfEveryLength("positional_conv", first: 1, (on, frames) => Errs(on, Errors.Repeated(frames), channels: 8, groups: 2, kernel: 16, on.OperandType)),
        .. Check.Cross("positional_conv of 128 taps in 16 groups", Frames, (on, f) => Errs(on, Errors.Repeated(f), channels: 64, groups: 16, kernel: 128, on.OperandType)),
        .. Check.Cross("positional_conv of 128 taps at 48 channels a group", ("frames", [30]), (on, f) => Errs(on, [f], channels: 192, groups: 4, kernel: 128, on.OperandType)),
        .. Check.Cross("positional_conv of few taps", ("frames", [1, 65, 257]), ("kernel", [16, 19]), ("groups", [4, 16]), (on, f, k, g) => Errs(on, Errors.Repeated(f), channels: 48, g, k, on.OperandType)),
        .. Check.Cross("positional_conv of wide groups", ("of a group", [48, 64, 80, 120]), (on, c) => Errs(on, [129, 20], channels: 2 * c, groups: 2, kernel: 3, on.OperandType)),
        .. Check.Cross("positional_conv of hardly any taps", ("kernel", [1, 2]), ("channels", [3, 54]), (on, k, c) => Errs(on, [40], c, groups: 3, k, on.OperandType)),
        .. Check.Cross("positional_conv of odd widths", ("kernel", [19, 128]), ("channels", [33, 51]), (on, k, c) => Errs(on, [40], c, groups: 3, k, on.OperandType)),
        .. Check.Cross("positional_conv of several utterances", ("kernel", [19, 128]), (on, k) => Errs(on, [70, 1, 300, 9], channels: 32, groups: 4, k, on.OperandType)),
        .. Check.Cross("positional_conv rounds what it reads", ("kernel", [19, 128]), (on, k) => Errs(on, [70], channels: 64, groups: 4, k, ElementType.Float32)),
        .. Check.Cross("positional_conv does not see neighbours", ("kernel", [16, 19, 128]), DoesNotSeeNeighbours),
    ];

    private static void Errs(CheckedBackend on, int[] frames, int channels, int groups, int kernel, ElementType inputs)
    {
        int ofGroup = channels / groups;
        float[] weight = Inputs.Normal(kernel * channels * ofGroup, seed: 41, inputs, deviation: 1 / Math.Sqrt(kernel * ofGroup));
        float[] rounded = Rounding.To(on.OperandType, weight), bias = Inputs.Normal(channels, seed: 42);
        Matrix[] utterances = [.. frames.Select((count, i) => Inputs.Matrix(count, channels, seed: 43 + i, inputs))];
        using PositionalConvWeights weights = on.Backend.PackPositionalConv(weight, bias, channels, groups, kernel);

        Matrix y = Convolved(on, frames, Matrix.Stack(utterances), weights);

        // Together, because over a frame or two the naive form's error is luck.
        float[] naive = [.. utterances.SelectMany(x => Plain.PositionalConv<float>(x with { Values = Rounding.To(on.OperandType, x.Values) }, x, rounded, bias, groups, kernel))];
        double[] exact = [.. utterances.SelectMany(x => Plain.PositionalConv<double>(x, x, weight, bias, groups, kernel))];
        on.Errors.AtMostTwice("y", y, naive, exact, ElementType.Float32);
    }

    private static void DoesNotSeeNeighbours(CheckedBackend on, int kernel)
    {
        const int Channels = 32, Groups = 4;
        using PositionalConvWeights weights = on.Backend.PackPositionalConv(
            Inputs.Normal(kernel * Channels * Channels / Groups, seed: 44), Inputs.Normal(Channels, seed: 45), Channels, Groups, kernel);
        foreach (int frames in (int[])[1, 65, 300])
        {
            Matrix x = Inputs.Matrix(frames, Channels, seed: 46), other = Inputs.Matrix(77, Channels, seed: 47), spoilt = Matrix.Filled(33, Channels, float.NaN);
            Matrix alone = Convolved(on, [frames], x, weights);
            on.Errors.SameBits("behind another", Convolved(on, [77, frames], Matrix.Stack(other, x), weights).Range(77, frames), alone);
            on.Errors.SameBits("before another", Convolved(on, [frames, 77], Matrix.Stack(x, other), weights).Range(0, frames), alone);
            on.Errors.SameBits("between NaN", Convolved(on, [33, frames, 33], Matrix.Stack(spoilt, x, spoilt), weights).Range(33, frames), alone);
        }
    }

    private static Matrix Convolved(CheckedBackend on, int[] frames, Matrix x, PositionalConvWeights weights)
    {
        using PackedBatch batch = on.BatchOf(frames);
        using Tensor source = on.Upload(x, ElementType.Float32);
        using Tensor y = on.Rent(x.Rows, x.Columns, ElementType.Float32);
        on.Backend.PositionalConv(batch, source, weights, y);
        return on.Download(y);
    }
}
