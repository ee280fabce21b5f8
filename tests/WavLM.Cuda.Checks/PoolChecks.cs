using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>Mean and standard deviation over each utterance's frames.</summary>
internal static class PoolChecks
{
    private const double LargeMean = 1000;

    private static readonly (string, int[]) Frames = ("frames", [1, 2, 15, 16, 17, 257]);
    private static readonly (string, int[]) Columns = ("columns", [1, 31, 32, 33, 34, 100]);
    private static readonly (string, int[]) Deviation = ("deviation", [0, 1]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("pool", first: 1, (on, frames) => Errs(on, frames, columns: 33, withDeviation: true, mean: 0)),
        .. Check.Cross("pool", Frames, Columns, Deviation, (on, f, c, d) => Errs(on, f, c, withDeviation: d == 1, mean: 0)),
        .. Check.Cross("pool of a large mean", ("frames", [2, 300]), ("columns", [33]), Deviation, (on, f, c, d) => Errs(on, f, c, withDeviation: d == 1, LargeMean)),
        .. Check.Cross("pool of a single frame is the frame", Columns, OfSingleFrame),
        .. Check.Cross("pool does not see neighbours", ("frames", [1, 65, 300]), Deviation, DoesNotSeeNeighbours),
    ];

    private static void Errs(CheckedBackend on, int frames, int columns, bool withDeviation, double mean)
    {
        Matrix[] utterances = [.. Enumerable.Range(0, Errors.FewestRows).Select(i => Inputs.Matrix(frames, columns, seed: 191 + i, mean: mean))];
        on.Errors.AtMostTwice(
            "y", Pooled(on, withDeviation, utterances),
            [.. utterances.SelectMany(x => Plain.Pool<float>(x, withDeviation))], [.. utterances.SelectMany(x => Plain.Pool<double>(x, withDeviation))], ElementType.Float32);
    }

    private static void OfSingleFrame(CheckedBackend on, int columns)
    {
        Matrix x = Inputs.Matrix(1, columns, seed: 211, mean: LargeMean);
        on.Errors.SameBits("y", Pooled(on, withDeviation: true, x), new Matrix(1, 2 * columns, [.. x.Values, .. new float[columns]]));
    }

    private static void DoesNotSeeNeighbours(CheckedBackend on, int frames, int deviation)
    {
        Matrix x = Inputs.Matrix(frames, 33, seed: 212), other = Inputs.Matrix(77, 33, seed: 213), spoilt = Matrix.Filled(20, 33, float.NaN);
        Matrix alone = Pooled(on, deviation == 1, x);
        on.Errors.SameBits("between others", Pooled(on, deviation == 1, other, x, other).Range(1, 1), alone);
        on.Errors.SameBits("between NaN", Pooled(on, deviation == 1, spoilt, x, spoilt).Range(1, 1), alone);
    }

    /// <summary>Written behind the rows of another layer, which must stay as they are.</summary>
    private static Matrix Pooled(CheckedBackend on, bool withDeviation, params Matrix[] utterances)
    {
        const int Before = 2;
        using PackedBatch batch = on.BatchOf([.. utterances.Select(x => x.Rows)]);
        using Tensor x = on.Upload(Matrix.Stack(utterances), ElementType.Float32);
        Matrix others = Inputs.Matrix(Before + utterances.Length, (withDeviation ? 2 : 1) * x.Columns, seed: 214);
        using Tensor y = on.Upload(others, ElementType.Float32);
        on.Backend.Pool(batch, x, withDeviation, y, Before);
        Matrix all = on.Download(y);
        on.Errors.SameBits("another layer's", all.Range(0, Before), others.Range(0, Before));
        return all.Range(Before, utterances.Length);
    }
}
