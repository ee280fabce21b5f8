using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>The nearest of some centroids by row, around the kernel's tiles of 64 rows, 64 centroids and 32 channels.</summary>
internal static class NearestCentroidChecks
{
    private static readonly (string, int[]) Columns = ("columns", [1, 31, 33, 64]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("nearest_centroid", first: 1, (on, rows) => IsNearest(on, rows, count: 3, columns: 5)),
        .. Check.Cross("nearest_centroid", ("rows", [1, 63, 64, 65, 130]), ("centroids", [1, 2, 63, 64, 65, 130]), Columns, IsNearest),
        .. Check.Cross("nearest_centroid of rows that end within a part", ("columns", [34, 36]), (on, c) => IsNearest(on, rows: 5, count: 70, c)),
        .. Check.Cross("nearest_centroid of wide rows", ("columns", [768, 1024]), (on, c) => IsNearest(on, rows: 5, count: 100, c)),
        .. Check.Cross("nearest_centroid of equal ones is the first", ("centroids", [2, 9, 65, 130]), IsFirstOfEqual),
        .. Check.Cross("nearest_centroid of what is not finite is none", ("centroids", [1, 70]), IsNoneOfWhatIsNotFinite),
    ];

    // Distances may err twice as much as the naive form's: two of them, so the nearest found may be farther by twice that.
    private static void IsNearest(CheckedBackend on, int rows, int count, int columns)
    {
        Matrix x = Inputs.Matrix(rows, columns, seed: 221), centroids = Inputs.Matrix(count, columns, seed: 222);
        int[] indices = Nearest(on, x, centroids);
        float[] naive = Plain.SquaredDistances<float>(x, centroids);
        double[] exact = Plain.SquaredDistances<double>(x, centroids);
        double naiveWorst = naive.Zip(exact, static (a, b) => Math.Abs(a - b)).Max();
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<double> distances = exact.AsSpan(row * count, count);
            if (indices[row] < 0 || indices[row] >= count) throw new CheckFailedException($"row {row}: centroid {indices[row]} of {count}");
            double least = double.PositiveInfinity;
            foreach (double distance in distances) least = Math.Min(least, distance);
            on.Errors.AtMost("distance of the centroid found", row, distances[indices[row]], least, 4 * naiveWorst + Rounding.HalfUnit(ElementType.Float32, least));
        }
    }

    private static void IsFirstOfEqual(CheckedBackend on, int count)
    {
        Matrix centroids = Inputs.Matrix(count, 33, seed: 223), x = Inputs.Matrix(70, 33, seed: 224);
        int first = count / 2 - 1;
        for (int i = first + 1; i < count; i++) centroids[first].CopyTo(centroids[i]);
        for (int row = 0; row < x.Rows; row++) centroids[first].CopyTo(x[row]);
        foreach (int index in Nearest(on, x, centroids)) on.Errors.Equal("centroid", index, first);
    }

    private static void IsNoneOfWhatIsNotFinite(CheckedBackend on, int count)
    {
        Matrix x = Inputs.Matrix(3, 33, seed: 225);
        (x[0][32], x[2][0]) = (float.NaN, float.PositiveInfinity);
        int[] indices = Nearest(on, x, Inputs.Matrix(count, 33, seed: 226));
        on.Errors.Equal("centroid of a row with NaN", indices[0], -1);
        on.Errors.Equal("centroid of a row with infinity", indices[2], -1);
        if (indices[1] < 0) throw new CheckFailedException("a finite row between them has no centroid");
    }

    private static int[] Nearest(CheckedBackend on, Matrix x, Matrix centroids)
    {
        using Tensor rows = on.Upload(x, ElementType.Float32);
        using Tensor kept = on.Backend.Keep(centroids.Values, centroids.Rows, centroids.Columns);
        using Tensor indices = on.Rent(x.Rows, 1, ElementType.Int32);
        on.Backend.NearestCentroid(rows, kept, indices);
        on.NothingIsBehind("indices", indices);
        return on.DownloadIndices(indices);
    }
}
