using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>The front end's convolutions over rows, without a norm and with a layer norm over the channels.</summary>
internal static class StridedConvChecks
{
    private static readonly (string, int[]) Rows = ("rows", [1, 63, 64, 65, 257]);
    private const int Unpaired = 1, Paired = 32;   // output rows of a slot: an odd number rules pairs of rows out

    private static readonly (string, int[]) Kernels = ("kernel", [2, 3]);
    private static readonly (string, int[]) Wide = ("channels", [257, 258, 260, 264]);
    private static readonly (string, int[]) Norms = ("norm", [0, 1]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("strided_conv", first: 1, (on, rows) => Errs(on, rows, inputs: 17, new ConvLayer(16, 3, 2), layerNorm: false)),
        .. Check.Cross("strided_conv", Rows, Kernels, ("channels", [16, 33, 64]), (on, r, k, c) => Errs(on, r, c, new ConvLayer(c, k, 2), layerNorm: false)),
        .. Check.Cross("strided_conv with layer norm", Rows, Kernels, ("channels", [16, 33, 64]), (on, r, k, c) => Errs(on, r, c, new ConvLayer(c, k, 2), layerNorm: true)),
        .. Check.Cross("strided_conv in pairs of rows", Rows, ("channels", [16, 33, 64]), (on, r, c) => Errs(on, r, c, new ConvLayer(c, 3, 2), layerNorm: false, Paired)),
        .. Check.Cross("strided_conv in pairs of rows as published", ("rows", [17, 130]), (on, r) => Errs(on, r, inputs: 512, new ConvLayer(512, 3, 2), layerNorm: true, Paired)),
        .. Check.Cross("strided_conv as published", Kernels, (on, k) => Errs(on, rows: 17, inputs: 512, new ConvLayer(512, k, 2), layerNorm: false)),
        .. Check.Cross("strided_conv with a bias", Kernels, ("channels", [33, 64]), (on, k, c) => Errs(on, rows: 65, c, new ConvLayer(c, k, 2), layerNorm: false, biased: true)),
        // Wide enough for half operands, in rows of 8 k, 4 k, 2 k and an odd number of channels: accesses of 16 bytes and less.
        .. Check.Cross("strided_conv of many channels", ("rows", [1, 65]), Kernels, Wide, (on, r, k, c) => Errs(on, r, c, new ConvLayer(c, k, 2), layerNorm: false)),
        .. Check.Cross("strided_conv of many channels with layer norm", ("rows", [1, 65]), Kernels, Wide, (on, r, k, c) => Errs(on, r, c, new ConvLayer(c, k, 2), layerNorm: true)),
        .. Check.Cross("strided_conv to float32", ("kernel", [2, 3]), ("channels", [48, 264]), Norms, (on, k, c, n) => Errs(on, rows: 17, c, new ConvLayer(c, k, 2), n == 1, results: ElementType.Float32)),
        .. Check.Cross("strided_conv from few channels to many", Kernels, Norms, (on, k, n) => Errs(on, rows: 65, inputs: 48, new ConvLayer(264, k, 2), n == 1)),
        .. Check.Cross("strided_conv from many channels to few", Kernels, Norms, (on, k, n) => Errs(on, rows: 65, inputs: 264, new ConvLayer(48, k, 2), n == 1, results: ElementType.Float32)),
        .. Check.Cross("strided_conv between unlike widths", Kernels, (on, k) => Errs(on, rows: 65, inputs: 48, new ConvLayer(33, k, 2), layerNorm: false)),
        .. Check.Cross("strided_conv of other shapes", ("kernel", [1, 2, 5]), ("stride", [1, 3]), (on, k, s) => Errs(on, rows: 65, inputs: 16, new ConvLayer(48, k, s), layerNorm: true)),
        .. Check.Cross("strided_conv of hundreds of taps", ("kernel", [511, 600]), (on, k) => Errs(on, rows: 40, inputs: 2, new ConvLayer(3, k, 1), layerNorm: false)),
        .. Check.Cross("strided_conv rows do not see each other", Kernels, ("channels", [33, 64, 257, 264]), ("rows of slot", [Unpaired, Paired]), RowsDoNotSeeEachOther),
    ];

    private static void Errs(CheckedBackend on, int rows, int inputs, ConvLayer shape, bool layerNorm, int rowsOfSlot = Unpaired, bool biased = false, ElementType? results = null)
    {
        ElementType operands = StridedConvWeights.OperandsFor(inputs, on.OperandType), storage = results ?? on.OperandType;
        int more = Math.Max(rows, Errors.FewestRows);
        Matrix x = Inputs.Matrix(InputRows(more, shape), inputs, seed: 31, operands);
        Matrix weight = Inputs.Matrix(shape.Channels, shape.Kernel * inputs, seed: 32, operands, deviation: 1 / Math.Sqrt(shape.Kernel * inputs));
        float[] bias = layerNorm || biased ? Inputs.Normal(shape.Channels, seed: 33) : [];
        Norm norm = Inputs.Norm(shape.Channels, seed: 34);
        float[] naive = Plain.StridedConv<float>(x, more, weight, bias, shape);
        double[] exact = Plain.StridedConv<double>(x, more, weight, bias, shape);
        if (layerNorm)
        {
            Plain.LayerNorm(naive, norm);
            Plain.LayerNorm(exact, norm);
        }
        using StridedConvWeights weights = on.Backend.PackStridedConv(weight.Values, bias, layerNorm ? on.Keep(norm) : null, inputs, shape, rowsOfSlot, storage);

        Matrix y = Convolved(on, x.Range(0, InputRows(rows, shape)), weights, rows);

        on.Errors.AtMostTwice("y", y, Plain.Gelu(naive), Plain.Gelu(exact), storage);
    }

    private static void RowsDoNotSeeEachOther(CheckedBackend on, int kernel, int channels, int rowsOfSlot)
    {
        const int OutputRows = 70, Before = 10;   // even: an utterance's rows begin at an even one wherever rows are paired
        var shape = new ConvLayer(channels, kernel, 2);
        Matrix x = Inputs.Matrix(InputRows(OutputRows, shape), channels, seed: 35, on.OperandType);
        using StridedConvWeights weights = on.Backend.PackStridedConv(
            Inputs.Normal(channels * kernel * channels, seed: 36, on.OperandType), [], on.Keep(Inputs.Norm(channels, seed: 37)), channels, shape, rowsOfSlot, on.OperandType);
        Matrix alone = Convolved(on, x, weights, OutputRows);

        // The same rows further on, with NaN before and behind.
        Matrix spoilt = Matrix.Stack(Matrix.Filled(Before * shape.Stride, channels, float.NaN), x, Matrix.Filled(20, channels, float.NaN));
        Matrix among = Convolved(on, spoilt, weights, (spoilt.Rows - kernel) / shape.Stride + 1);
        on.Errors.SameBits("between NaN", among.Range(Before, OutputRows), alone);

        Matrix one = Convolved(on, x.Range(64 * shape.Stride, kernel), weights, 1);
        on.Errors.SameBits("one row", one, alone.Range(64, 1));
    }

    private static Matrix Convolved(CheckedBackend on, Matrix x, StridedConvWeights weights, int rows)
    {
        int computed = (rows + on.Backend.RowTile - 1) / on.Backend.RowTile * on.Backend.RowTile;
        using Tensor source = on.Upload(x, weights.OperandType, InputRows(computed, weights.Shape));
        using Tensor y = on.Rent(rows, weights.Outputs, weights.ResultType);
        on.Backend.StridedConv(source, weights, y);
        return on.Download(y);
    }

    private static int InputRows(int rows, ConvLayer shape) => (rows - 1) * shape.Stride + shape.Kernel;
}
