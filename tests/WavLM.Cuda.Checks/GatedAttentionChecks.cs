using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>Attention over packed utterances: lengths around its tiles of queries and keys, with the gated bias and without.</summary>
internal static class GatedAttentionChecks
{
    private const int Radius = 100;

    private static readonly (string, int[]) ShortFrames = ("frames", [1, 2, 63, 64, 65, 127]);
    private static readonly (string, int[]) LongFrames = ("frames", [511, 512, 513, 1100]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("gated_attention", first: 1, (on, frames) => Errs(on, Errors.Repeated(frames), heads: 1, headWidth: 16, biased: true)),
        .. Check.Cross("gated_attention", ShortFrames, ("head_width", [64, 80, 120]), (on, f, w) => Errs(on, Errors.Repeated(f), heads: 3, w, biased: true)),
        .. Check.Cross("gated_attention over several tiles of keys", LongFrames, (on, f) => Errs(on, [f], heads: 2, headWidth: 64, biased: true)),
        .. Check.Cross("gated_attention of other heads", ("frames", [65, 130]), ("head_width", [4, 8, 16, 33, 34, 35, 128]), (on, f, w) => Errs(on, [f], heads: 2, w, biased: true)),
        .. Check.Cross("gated_attention without bias", ("frames", [1, 65, 130, 513]), ("head_width", [64, 80]), (on, f, w) => Errs(on, Errors.Repeated(f), heads: 2, w, biased: false)),
        .. Check.Cross("gated_attention of several utterances", ("head_width", [64, 80, 120]), (on, w) => Errs(on, [65, 17, 200, 31, 130], heads: 2, w, biased: true)),
        .. Check.Cross("gated_attention of large scores", ("frames", [130, 600]), (on, f) => Errs(on, [f], heads: 1, headWidth: 64, biased: true, deviation: 8)),
        .. Check.Cross("gated_attention of shifting scores", ("first", [0, -200, 200]), ("step", [40, 5, -40]), OfShiftingScores),
        .. Check.Cross("gated_attention of every reach", ("radius", [0, 1, 64, 65, 66, 700]), OfEveryReach),
        .. Check.Cross("gated_attention does not see neighbours", ("frames", [1, 65, 130, 520]), DoesNotSeeNeighbours),
        .. Check.Cross("gated_attention keeps what is not finite", ("frames", [1, 65, 600]), ("place", [0, 1, 2, 3]), KeepsWhatIsNotFinite),
    ];

    private static void Errs(CheckedBackend on, int[] frames, int heads, int headWidth, bool biased, double deviation = 1)
    {
        Matrix[] utterances = [.. frames.Select((count, i) => QueriesKeysValues(on, count, heads, headWidth, seed: 51 + i, deviation))];
        CheckAgainstPlain(on, utterances, heads, biased ? Radius : null);
    }

    // Of 64 keys to the next all scores rise or fall: at once, so that what was summed comes to nothing, or little by little.
    private static void OfShiftingScores(CheckedBackend on, int first, int step)
    {
        const int Frames = 330, HeadWidth = 16;
        Matrix qkv = QueriesKeysValues(on, Frames, heads: 1, HeadWidth, seed: 61, deviation: 1);
        for (int frame = 0; frame < Frames; frame++)
        {
            qkv[frame][0] = 1;
            qkv[frame][HeadWidth] = first + frame / 64 * step;
        }
        CheckAgainstPlain(on, [qkv], heads: 1, Radius);
    }

    // The last distances within the radius have a bias that no other has: who takes a tile of keys for one beyond it, is far off.
    private static void OfEveryReach(CheckedBackend on, int radius)
    {
        const int Frames = 400, Outstanding = 8;
        CheckAgainstPlain(on, [QueriesKeysValues(on, Frames, heads: 1, headWidth: 16, seed: 62, deviation: 1)], heads: 1, radius, table =>
        {
            foreach (int distance in (ReadOnlySpan<int>)[1 - radius, radius - 1])
            {
                if (Math.Abs(distance) < radius) table[0][radius + distance] = Outstanding;
            }
        });
    }

    private static void CheckAgainstPlain(CheckedBackend on, Matrix[] utterances, int heads, int? radius, Action<Matrix>? shape = null)
    {
        Matrix gates = Inputs.Matrix(utterances.Sum(u => u.Rows), heads, seed: 71, deviation: 0.5, mean: 2);
        Matrix? table = radius is int reach ? Inputs.Matrix(heads, 2 * reach + 1, seed: 72) : null;
        if (table is not null) shape?.Invoke(table);
        Matrix actual = Attended(on, [.. utterances.Select(u => u.Rows)], Matrix.Stack(utterances), heads, table is null ? null : new Bias(table, gates));
        foreach (IGrouping<int, int> alike in Enumerable.Range(0, utterances.Length).GroupBy(i => utterances[i].Rows))
        {
            // Together, because over a frame or two the naive form's error is luck.
            var (found, naive, exact) = (new List<Matrix>(), new List<float>(), new List<double>());
            foreach (int i in alike)
            {
                int first = utterances.Take(i).Sum(u => u.Rows);
                Bias? bias = table is null ? null : new Bias(table, gates.Range(first, alike.Key));
                found.Add(actual.Range(first, alike.Key));
                naive.AddRange(Plain.Attention<float>(utterances[i], heads, bias, on.OperandType));
                exact.AddRange(Plain.Attention<double>(utterances[i], heads, bias, on.OperandType));
            }
            on.Errors.AtMostTwice($"utterances of {alike.Key} frames", Matrix.Stack([.. found]), [.. naive], [.. exact], on.OperandType);
        }
    }

    private static void DoesNotSeeNeighbours(CheckedBackend on, int frames)
    {
        const int Heads = 2, HeadWidth = 64, Others = 70;
        Matrix x = QueriesKeysValues(on, frames, Heads, HeadWidth, seed: 81, deviation: 1), other = QueriesKeysValues(on, Others, Heads, HeadWidth, seed: 82, deviation: 1);
        Matrix gates = Inputs.Matrix(frames, Heads, seed: 83), othersGates = Inputs.Matrix(Others, Heads, seed: 84), table = Inputs.Matrix(Heads, 2 * Radius + 1, seed: 85);
        Matrix spoilt = Matrix.Filled(Others, x.Columns, float.NaN), spoiltGates = Matrix.Filled(Others, Heads, float.NaN);
        Matrix alone = Attended(on, [frames], x, Heads, new Bias(table, gates));

        Matrix Second(Matrix before, Matrix gatesBefore, Matrix behind, Matrix gatesBehind) => Attended(
            on, [Others, frames, Others], Matrix.Stack(before, x, behind), Heads, new Bias(table, Matrix.Stack(gatesBefore, gates, gatesBehind))).Range(Others, frames);
        on.Errors.SameBits("between others", Second(other, othersGates, other, othersGates), alone);
        on.Errors.SameBits("between NaN", Second(spoilt, spoiltGates, spoilt, spoiltGates), alone);
    }

    // Once, NaN scores became the smallest power of two, attention turned uniform, and a broken checkpoint gave finite features.
    private static void KeepsWhatIsNotFinite(CheckedBackend on, int frames, int place)
    {
        const int HeadWidth = 64, Gate = 3;
        Matrix x = QueriesKeysValues(on, frames, heads: 1, HeadWidth, seed: 86, deviation: 1), gates = Inputs.Matrix(frames, 1, seed: 87);
        if (place == Gate) gates[frames - 1][0] = float.NaN;
        else x[frames - 1][place * HeadWidth] = float.NaN;   // of a query, a key, a value
        Matrix y = Attended(on, [frames], x, heads: 1, new Bias(Inputs.Matrix(1, 2 * Radius + 1, seed: 88), gates));
        if (!float.IsNaN(y[frames - 1][0])) throw new CheckFailedException($"a NaN went in, {y[frames - 1][0]} came out");
    }

    /// <summary>Queries are scaled so that scores have a spread of about <paramref name="deviation"/> squared.</summary>
    private static Matrix QueriesKeysValues(CheckedBackend on, int frames, int heads, int headWidth, int seed, double deviation)
    {
        int width = heads * headWidth;
        Matrix qkv = Inputs.Matrix(frames, 3 * width, seed, deviation: deviation);
        for (int frame = 0; frame < frames; frame++)
        {
            foreach (ref float query in qkv[frame][..width]) query /= MathF.Sqrt(headWidth);
        }
        return qkv with { Values = Rounding.To(on.OperandType, qkv.Values) };
    }

    private static Matrix Attended(CheckedBackend on, int[] frames, Matrix qkv, int heads, Bias? bias)
    {
        using PackedBatch batch = on.BatchOf(frames);
        // The last utterance's last tile of queries reaches up to a tile past the last frame.
        using Tensor operands = on.Upload(qkv, on.OperandType, qkv.Rows + on.Backend.RowTile);
        using RelativeBias? table = bias is null ? null : new RelativeBias(on.Backend.Keep(bias.Table.Values, heads, bias.Table.Columns));
        using Tensor? gates = bias is null ? null : on.Upload(bias.Gates, ElementType.Float32);
        using Tensor context = on.Rent(qkv.Rows, qkv.Columns / 3, on.OperandType);
        on.Backend.GatedAttention(batch, operands, heads, table, gates, context, CancellationToken.None);
        return on.Download(context);
    }
}
