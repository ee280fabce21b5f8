using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>Layer norm as the forward pass asks for it: in place with a copy of operands, to operands alone, with gates.</summary>
internal static class LayerNormChecks
{
    private const double LargeMean = 1000;
    private const float Outlier = 100;

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("layer_norm", first: 0, (on, rows) => InPlace(on, rows, channels: 33)),
        .. Check.Cross("layer_norm in place", ("rows", [0, 1, 31, 32, 33, 257]), ("channels", [1, 16, 33, 34, 36, 48, 64, 512]), InPlace),
        .. Check.Cross("layer_norm to operands", ("rows", [1, 64, 65]), ("channels", [15, 17, 33, 512, 1024]), ToOperands),
        .. Check.Cross("layer_norm of a large mean", ("rows", [5]), ("channels", [16, 33, 512]), OfLargeMean),
        .. Check.Cross("layer_norm with an outlier channel", ("rows", [5]), ("channels", [16, 33, 512]), WithOutlier),
        .. Check.Cross("layer_norm gates", ("rows", [1, 33, 257]), ("heads", [1, 3, 12]), ("head_width", [17, 64, 80, 120]), (on, r, h, w) => Gates(on, r, h, w, inPlace: false)),
        .. Check.Cross("layer_norm gates in place", ("heads", [1, 3, 12]), ("head_width", [17, 64]), (on, h, w) => Gates(on, rows: 33, h, w, inPlace: true)),
        .. Check.Cross("layer_norm rows do not see each other", ("channels", [33, 512]), RowsDoNotSeeEachOther),
    ];

    private static void InPlace(CheckedBackend on, int rows, int channels) => CheckInPlace(on, rows, Inputs.Matrix(Math.Max(rows, Errors.FewestRows), channels, seed: 1));

    private static void OfLargeMean(CheckedBackend on, int rows, int channels) => CheckInPlace(on, rows, Inputs.Matrix(Errors.FewestRows, channels, seed: 2, mean: LargeMean));

    private static void WithOutlier(CheckedBackend on, int rows, int channels)
    {
        Matrix x = Inputs.Matrix(Errors.FewestRows, channels, seed: 3);
        for (int row = 0; row < x.Rows; row++) x[row][channels / 2] *= Outlier;
        CheckInPlace(on, rows, x);
    }

    private static void CheckInPlace(CheckedBackend on, int rows, Matrix x)
    {
        Norm norm = Inputs.Norm(x.Columns, seed: 11);
        (float[] naive, double[] exact) = (Plain.LayerNorm<float>(x, norm), Plain.LayerNorm<double>(x, norm));
        using Tensor stream = on.Upload(x.Range(0, rows), ElementType.Float32);
        using Tensor operands = on.Rent(rows, x.Columns, on.OperandType);
        using NormWeights weights = on.Keep(norm);

        on.Backend.LayerNorm(stream, weights, stream, operands);

        on.Errors.AtMostTwice("y", on.Download(stream), naive, exact, ElementType.Float32);
        on.Errors.AtMostTwice("operands", on.Download(operands), naive, exact, on.OperandType);
    }

    private static void ToOperands(CheckedBackend on, int rows, int channels)
    {
        Matrix x = Inputs.Matrix(Math.Max(rows, Errors.FewestRows), channels, seed: 4);
        Norm norm = Inputs.Norm(channels, seed: 12);
        using Tensor stream = on.Upload(x.Range(0, rows), ElementType.Float32);
        using Tensor y = on.Rent(rows, channels, on.OperandType);
        using NormWeights weights = on.Keep(norm);

        on.Backend.LayerNorm(stream, weights, y);

        on.Errors.AtMostTwice("y", on.Download(y), Plain.LayerNorm<float>(x, norm), Plain.LayerNorm<double>(x, norm), on.OperandType);
        on.Errors.SameBits("x", on.Download(stream), x.Range(0, rows));
    }

    private static void Gates(CheckedBackend on, int rows, int heads, int headWidth, bool inPlace)
    {
        int channels = heads * headWidth;
        Matrix x = Inputs.Matrix(Math.Max(rows, Errors.FewestRows), channels, seed: 5);
        Norm norm = Inputs.Norm(channels, seed: 13);
        var gate = new Gate(Inputs.Matrix(2, headWidth, seed: 14, deviation: 1 / Math.Sqrt(headWidth)), Inputs.Normal(2, seed: 15), Inputs.Normal(heads, seed: 16, mean: 1));
        using Tensor stream = on.Upload(x.Range(0, rows), ElementType.Float32);
        using Tensor operands = on.Rent(rows, channels, on.OperandType);
        using Tensor gates = on.Rent(rows, heads, ElementType.Float32);
        using NormWeights weights = on.Keep(norm);
        using var gateWeights = new GateWeights(on.Backend.Keep(gate.Rows.Values, 2, headWidth), on.Keep(gate.Biases), on.Keep(gate.Constants));

        on.Backend.LayerNorm(stream, weights, inPlace ? stream : operands, operands, gateWeights, gates);

        (float[] naive, double[] exact) = (Plain.LayerNorm<float>(x, norm), Plain.LayerNorm<double>(x, norm));
        on.Errors.AtMostTwice("operands", on.Download(operands), naive, exact, on.OperandType);
        if (inPlace) on.Errors.AtMostTwice("y", on.Download(stream), naive, exact, ElementType.Float32);
        // The gates read the norm before it is rounded to an operand.
        on.Errors.AtMostTwice("gates", on.Download(gates), Plain.Gates(naive, gate), Plain.Gates(exact, gate), ElementType.Float32);
    }

    private static void RowsDoNotSeeEachOther(CheckedBackend on, int channels)
    {
        Matrix x = Inputs.Matrix(70, channels, seed: 6);
        using NormWeights weights = on.Keep(Inputs.Norm(channels, seed: 17));
        Matrix Normalized(Matrix rows)
        {
            using Tensor stream = on.Upload(rows, ElementType.Float32);
            using Tensor y = on.Rent(rows.Rows, channels, on.OperandType);
            on.Backend.LayerNorm(stream, weights, y);
            return on.Download(y);
        }
        Matrix together = Normalized(x);
        int[] order = [69, 0, 33, 31, 32, 64];
        on.Errors.SameBits("other order", Normalized(x.Select(order)), together.Select(order));
        on.Errors.SameBits("alone", Normalized(x.Select(64)), together.Select(64));
        Matrix spoilt = Matrix.Stack(Matrix.Filled(3, channels, float.NaN), x);
        on.Errors.SameBits("behind NaN", Normalized(spoilt).Range(3, x.Rows), together);
    }
}
