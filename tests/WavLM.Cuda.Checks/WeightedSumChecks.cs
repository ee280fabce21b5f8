using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>The sum over layers, which come one after the other.</summary>
internal static class WeightedSumChecks
{
    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("weighted_sum", first: 0, (on, rows) => Errs(on, rows, columns: 3)),
        .. Check.Cross("weighted_sum", ("rows", [1, 31, 32, 33, 257]), ("columns", [1, 3, 4, 33, 512]), Errs),
    ];

    private static void Errs(CheckedBackend on, int rows, int columns)
    {
        float[] weights = [0.7f, -1.3f, 0.01f];
        Matrix[] layers = [.. weights.Select((_, i) => Inputs.Matrix(Math.Max(rows, Errors.FewestRows), columns, seed: 181 + i))];
        using Tensor sum = on.Rent(rows, columns, ElementType.Float32);   // NaN: the first layer must not be added to anything

        for (int i = 0; i < weights.Length; i++)
        {
            using Tensor layer = on.Upload(layers[i].Range(0, rows), ElementType.Float32);
            on.Backend.WeightedSum(layer, weights[i], sum, first: i == 0);
        }

        on.Errors.AtMostTwice("sum", on.Download(sum), Plain.WeightedSum<float>(layers, weights), Plain.WeightedSum<double>(layers, weights), ElementType.Float32);
    }
}
