using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>Row by row and element by element: norms and GELU of the transformer, and what is done with hidden states.</summary>
internal static class ElementOperations
{
    private const int Centroids = 500;

    public static IEnumerable<Operation> Of(IBackend backend, Workload load)
    {
        ElementType operands = backend.OperandType;
        yield return ProjectionNorm(load, operands);
        yield return LayerNorm(load, operands, gated: true);
        yield return LayerNorm(load, operands, gated: false);
        if (backend is CudaBackend) yield return Gelu("gelu", load.Case, load.AllFrames, load.Config.FeedForwardWidth, operands);
        yield return WeightedSum(load, first: true);
        yield return WeightedSum(load, first: false);
        yield return Pool(load, withDeviation: false);
        yield return Pool(load, withDeviation: true);
        yield return NearestCentroid(load);
    }

    /// <summary>Not in place, as the forward pass has it: again and again it would bring all values to zero.</summary>
    public static Operation Gelu(string name, string @case, long rows, int columns, ElementType type)
    {
        double elements = (double)rows * columns;
        return new(name, @case, $"[{rows}, {columns}]", new(2 * type.Bytes() * elements, KernelCosts.Erf * elements, Work.Float32), on =>
        {
            RandomTensor x = on.Random(rows, columns, type);
            Tensor y = on.Rent(rows, columns, type);
            return new(() => ((CudaBackend)on.Backend).Gelu(x.Tensor, bias: null, y), agreement =>
            {
                long[] some = Buffers.Spread(rows);
                agreement.Require("y", on.Read(y, some).Values, Plain.Gelu(Plain.Of<double>(x.Rows(some).Values)));
            });
        });
    }

    /// <summary>In front of the feature projection.</summary>
    private static Operation ProjectionNorm(Workload load, ElementType operands)
    {
        int columns = load.Config.ConvWidth;
        double elements = (double)load.AllFrames * columns;
        return new("layer_norm projection", load.Case, $"[{load.AllFrames}, {columns}]", new((4 + operands.Bytes()) * elements, KernelCosts.Norm * elements, Work.Float32), on =>
        {
            RandomTensor x = on.Random(load.AllFrames, columns, ElementType.Float32);
            (NormWeights weights, Norm norm) = on.Norm(columns);
            Tensor y = on.Rent(load.AllFrames, columns, operands);
            return new(() => on.Backend.LayerNorm(x.Tensor, weights, y), agreement =>
            {
                long[] some = Buffers.Spread(load.AllFrames);
                agreement.Require("y", on.Read(y, some).Values, Plain.LayerNorm<double>(x.Rows(some), norm));
            });
        });
    }

    /// <summary>A layer's: of the residual stream to operands, and behind the sum (Base) the stream itself in place.</summary>
    private static Operation LayerNorm(Workload load, ElementType operands, bool gated)
    {
        EncoderConfig config = load.Config;
        int columns = config.Width, heads = config.Heads;
        bool inPlace = !config.PreNorm;
        double elements = (double)load.AllFrames * columns, gates = gated ? (double)load.AllFrames * heads : 0;
        int bytes = inPlace ? 8 + (operands == ElementType.Float32 ? 0 : operands.Bytes()) : 4 + operands.Bytes();
        Work work = new(bytes * elements + 4 * gates, (KernelCosts.Norm + (gated ? 4 : 0)) * elements, Work.Float32);
        return new(gated ? "layer_norm gates" : "layer_norm", load.Case, $"[{load.AllFrames}, {columns}]{(inPlace ? " in place" : "")}{(gated ? $", {heads} heads" : "")}", work, on =>
        {
            RandomTensor x = on.Random(load.AllFrames, columns, ElementType.Float32);
            (NormWeights weights, Norm norm) = on.Norm(columns);
            Tensor? apart = inPlace && operands == ElementType.Float32 ? null : on.Rent(load.AllFrames, columns, operands);
            Tensor y = inPlace ? x.Tensor : apart!;
            (GateWeights Weights, Gate OnHost)? gate = gated ? GateOf(on, heads, config.HeadWidth) : null;
            Tensor? gates = gated ? on.Rent(load.AllFrames, heads, ElementType.Float32) : null;
            return new(() => on.Backend.LayerNorm(x.Tensor, weights, y, apart ?? y, gate?.Weights, gates), agreement =>
            {
                long[] some = Buffers.Spread(load.AllFrames);
                double[] expected = Plain.LayerNorm<double>(x.Rows(some), norm);
                agreement.Require("y", on.Read(y, some).Values, expected, inPlace ? ElementType.Float32 : null);
                if (apart is not null) agreement.Require("operands", on.Read(apart, some).Values, expected);
                if (gates is not null) agreement.Require("gates", on.Read(gates, some).Values, Plain.Gates(expected, gate!.Value.OnHost), ElementType.Float32);
            });
        });
    }

    private static (GateWeights Weights, Gate OnHost) GateOf(Buffers on, int heads, int headWidth)
    {
        Gate gate = new(on.Matrix(2, headWidth, deviation: RandomValues.DeviationOfSum(headWidth)), on.Values(2), on.Values(heads));
        return (on.Own(new GateWeights(on.Backend.Keep(gate.Rows.Values, 2, headWidth), on.Backend.Keep(gate.Biases, 1, 2), on.Backend.Keep(gate.Constants, 1, heads))), gate);
    }

    private static Operation WeightedSum(Workload load, bool first)
    {
        const float Weight = 0.75f;
        double elements = (double)load.AllFrames * load.Config.Width;
        Work work = new((first ? 8 : 12) * elements, (first ? 1 : 2) * elements, Work.Float32);
        return new(first ? "weighted_sum first" : "weighted_sum", load.Case, $"[{load.AllFrames}, {load.Config.Width}]", work, on =>
        {
            RandomTensor x = on.Random(load.AllFrames, load.Config.Width, ElementType.Float32);
            RandomTensor? before = first ? null : on.Random(load.AllFrames, load.Config.Width, ElementType.Float32);
            Tensor sum = before?.Tensor ?? on.Rent(load.AllFrames, load.Config.Width, ElementType.Float32);
            return new(() => on.Backend.WeightedSum(x.Tensor, Weight, sum, first), agreement =>
            {
                long[] some = Buffers.Spread(load.AllFrames);
                double[] expected = before is null ? Plain.WeightedSum<double>([x.Rows(some)], [Weight]) : Plain.WeightedSum<double>([before.Rows(some), x.Rows(some)], [1, Weight]);
                agreement.Require("sum", on.Read(sum, some).Values, expected, ElementType.Float32);
            });
        });
    }

    private static Operation Pool(Workload load, bool withDeviation)
    {
        int columns = load.Config.Width;
        double elements = (double)load.AllFrames * columns;
        return new(withDeviation ? "pool deviation" : "pool", load.Case, $"{load.Utterances} x [{load.Frames}, {columns}]", new((withDeviation ? 8 : 4) * elements, (withDeviation ? 4 : 1) * elements, Work.Float32), on =>
        {
            PackedBatch batch = on.BatchOfFrames(load);
            RandomTensor x = on.Random(load.AllFrames, columns, ElementType.Float32);
            Tensor y = on.Rent(load.Utterances, withDeviation ? 2 * columns : columns, ElementType.Float32);
            return new(() => on.Backend.Pool(batch, x.Tensor, withDeviation, y, firstRow: 0), agreement =>
            {
                int[] some = [0, 1, columns / 2, columns - 1];
                foreach (int utterance in (ReadOnlySpan<int>)[0, load.Utterances - 1])
                {
                    double[] expected = Plain.Pool<double>(x.Columns((long)utterance * load.Frames, load.Frames, some), withDeviation);
                    float[] pooled = on.Read(y, utterance).Values, actual = [.. some.Select(column => pooled[column]), .. withDeviation ? some.Select(column => pooled[columns + column]) : []];
                    // A mean is small against what it is of, and errs as that does.
                    if (withDeviation) agreement.Require($"utterance {utterance}", actual, expected, ElementType.Float32);
                    else agreement.Require($"utterance {utterance}", Array.ConvertAll(actual, static mean => mean + 1), Array.ConvertAll(expected, static mean => mean + 1), ElementType.Float32);
                }
            });
        });
    }

    private static Operation NearestCentroid(Workload load)
    {
        int columns = load.Config.Width;
        double elements = (double)load.AllFrames * columns;
        return new("nearest_centroid", load.Case, $"[{load.AllFrames}, {columns}], {Centroids} centroids", new(4 * elements + 4.0 * Centroids * columns, 3 * elements * Centroids, Work.Float32), on =>
        {
            RandomTensor x = on.Random(load.AllFrames, columns, ElementType.Float32), centroids = on.Random(Centroids, columns, ElementType.Float32);
            Tensor indices = on.Rent(load.AllFrames, 1, ElementType.Int32);
            return new(() => on.Backend.NearestCentroid(x.Tensor, centroids.Tensor, indices), _ =>
            {
                const double Tie = 1e-5;
                long[] some = Buffers.Spread(load.AllFrames);
                double[] distances = Plain.SquaredDistances<double>(x.Rows(some), centroids.Rows([.. Enumerable.Range(0, Centroids).Select(static i => (long)i)]));
                int[] found = on.ReadIndices(indices, some);
                for (int i = 0; i < some.Length; i++)
                {
                    double least = distances.AsSpan(i * Centroids, Centroids).ToArray().Min();
                    if (found[i] is < 0 or >= Centroids || distances[i * Centroids + found[i]] > least * (1 + Tie))
                        throw new WrongResultException($"row {some[i]}: found centroid {found[i]}, and another one is nearer");
                }
            });
        });
    }
}
