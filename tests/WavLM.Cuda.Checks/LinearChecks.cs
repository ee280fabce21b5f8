using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>Linear maps with each epilogue, to each type that the forward pass stores.</summary>
internal static class LinearChecks
{
    private static readonly (string, int[]) Rows = ("rows", [0, 1, 63, 64, 65, 257]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("linear", first: 0, (on, rows) => Errs(on, rows, inputs: 33, outputs: 17, on.OperandType, Epilogue.GeluErf)),
        .. Check.Cross("linear to operands", Rows, ("inputs", [16, 33, 512]), ("outputs", [33, 48]), (on, r, i, o) => Errs(on, r, i, o, on.OperandType, Epilogue.None)),
        .. Check.Cross("linear to float32", Rows, ("inputs", [48, 512]), ("outputs", [64]), (on, r, i, o) => Errs(on, r, i, o, ElementType.Float32, Epilogue.None)),
        .. Check.Cross("linear with GELU", Rows, ("inputs", [33, 64]), ("outputs", [48, 129]), (on, r, i, o) => Errs(on, r, i, o, on.OperandType, Epilogue.GeluErf)),
        .. Check.Cross("linear with GELU in narrow accesses", ("outputs", [33, 34, 36]), (on, o) => Errs(on, rows: 65, inputs: 64, o, on.OperandType, Epilogue.GeluErf)),
        .. Check.Cross("linear added to the residual stream", Rows, ("inputs", [33, 512]), ("outputs", [48, 64]), (on, r, i, o) => Errs(on, r, i, o, ElementType.Float32, Epilogue.AddToDestination)),
        .. Check.Cross("linear weights are rounded to nearest", ("inputs", [33, 64]), WeightsAreRoundedToNearest),
        .. Check.Cross("linear rows do not see each other", ("inputs", [33, 512, 768]), ("outputs", [96, 768]), RowsDoNotSeeEachOther),
    ];

    private static void Errs(CheckedBackend on, int rows, int inputs, int outputs, ElementType storage, Epilogue epilogue)
    {
        int more = Math.Max(rows, Errors.FewestRows);
        Matrix x = Inputs.Matrix(more, inputs, seed: 21, on.OperandType), before = Inputs.Matrix(more, outputs, seed: 22);
        Matrix weight = Inputs.Matrix(outputs, inputs, seed: 23, on.OperandType, deviation: 1 / Math.Sqrt(inputs));
        float[] bias = Inputs.Normal(outputs, seed: 24);
        (float[] naive, double[] exact) = (Plain.Linear<float>(x, weight, bias), Plain.Linear<double>(x, weight, bias));
        if (epilogue == Epilogue.GeluErf) (naive, exact) = (Plain.Gelu(naive), Plain.Gelu(exact));
        for (int i = 0; i < exact.Length && epilogue == Epilogue.AddToDestination; i++)
        {
            naive[i] += before.Values[i];
            exact[i] += before.Values[i];
        }
        using LinearWeights weights = on.Backend.PackLinear(weight.Values, bias, outputs, inputs, storage);
        using Tensor source = on.Upload(x.Range(0, rows), on.OperandType);
        using Tensor y = epilogue == Epilogue.AddToDestination ? on.Upload(before.Range(0, rows), storage) : on.Rent(rows, outputs, storage);

        on.Backend.Linear(source, weights, y, epilogue);

        on.Errors.AtMostTwice("y", on.Download(y), naive, exact, storage);
    }

    // One row for each input, 1 there and 0 elsewhere: the products are the weights as they were kept.
    private static void WeightsAreRoundedToNearest(CheckedBackend on, int inputs)
    {
        const int Outputs = 48;
        Matrix weight = Inputs.Matrix(Outputs, inputs, seed: 25), one = new(inputs, inputs), expected = new(inputs, Outputs);
        for (int i = 0; i < inputs; i++)
        {
            one[i][i] = 1;
            for (int output = 0; output < Outputs; output++) expected[i][output] = Rounding.To(on.OperandType, weight[output][i]);
        }
        using LinearWeights weights = on.Backend.PackLinear(weight.Values, [], Outputs, inputs, ElementType.Float32);
        using Tensor source = on.Upload(one, on.OperandType);
        using Tensor y = on.Rent(inputs, Outputs, ElementType.Float32);

        on.Backend.Linear(source, weights, y);

        on.Errors.SameBits("y", on.Download(y), expected);
    }

    private static void RowsDoNotSeeEachOther(CheckedBackend on, int inputs, int outputs)
    {
        Matrix x = Inputs.Matrix(130, inputs, seed: 26, on.OperandType);
        using LinearWeights weights = on.Backend.PackLinear(
            Inputs.Normal(outputs * inputs, seed: 27, on.OperandType), Inputs.Normal(outputs, seed: 28), outputs, inputs, ElementType.Float32);
        Matrix Mapped(Matrix rows)
        {
            using Tensor source = on.Upload(rows, on.OperandType);
            using Tensor y = on.Rent(rows.Rows, outputs, ElementType.Float32);
            on.Backend.Linear(source, weights, y);
            return on.Download(y);
        }
        Matrix together = Mapped(x);
        int[] order = [129, 0, 64, 63, 128, 65, 7];
        on.Errors.SameBits("other order", Mapped(x.Select(order)), together.Select(order));
        on.Errors.SameBits("alone", Mapped(x.Select(100)), together.Select(100));
        on.Errors.SameBits("a few", Mapped(x.Range(0, 33)), together.Range(0, 33));
        Matrix spoilt = Matrix.Stack(Matrix.Filled(5, inputs, float.NaN), x, Matrix.Filled(5, inputs, float.NaN));
        on.Errors.SameBits("between NaN", Mapped(spoilt).Range(5, x.Rows), together);
    }
}
