using WavLM.Cuda.Backends;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>What the transformer multiplies: linear maps, attention, the positional convolution.</summary>
internal static class MatrixOperations
{
    public static IEnumerable<Operation> Of(IBackend backend, Workload load)
    {
        (int width, int feedForward) = (load.Config.Width, load.Config.FeedForwardWidth);
        ElementType operands = backend.OperandType;
        yield return Linear(backend, "linear projection", load, load.Config.ConvWidth, width, ElementType.Float32);
        yield return PositionalConv(load, operands);
        yield return Linear(backend, "linear qkv", load, width, 3 * width, operands);
        yield return GatedAttention(load, operands);
        yield return Linear(backend, "linear out", load, width, width, ElementType.Float32, Epilogue.AddToDestination);
        yield return Linear(backend, "linear up", load, width, feedForward, operands);
        yield return Linear(backend, "linear up gelu", load, width, feedForward, operands, Epilogue.GeluErf);
        yield return Linear(backend, "linear down", load, feedForward, width, ElementType.Float32, Epilogue.AddToDestination);
    }

    /// <summary>x [rows, inputs] W^T, as the models have it and as the ceilings are measured.</summary>
    public static Operation Linear(IBackend backend, string name, string @case, long rows, int inputs, int outputs, ElementType results, Epilogue epilogue, bool biased = true)
    {
        (ElementType operands, ElementType multiplied) = (backend.OperandType, backend.ProductType);
        double written = (double)rows * outputs * results.Bytes() * (epilogue == Epilogue.AddToDestination ? 2 : 1);
        Work work = new(operands.Bytes() * (double)rows * inputs + multiplied.Bytes() * (double)inputs * outputs + written, 2.0 * rows * inputs * outputs, FrontEndOperations.GemmOf(multiplied));
        return new(name, @case, $"[{rows}, {inputs}] to {outputs}", work, on =>
        {
            RandomTensor x = on.Random(rows, inputs, operands);
            Matrix weight = on.Matrix(outputs, inputs, operands, RandomValues.DeviationOfSum(inputs));
            float[] bias = biased ? on.Values(outputs, results) : [];
            LinearWeights weights = on.Own(on.Backend.PackLinear(weight.Values, bias, outputs, inputs, results));
            RandomTensor? before = epilogue == Epilogue.AddToDestination ? on.Random(rows, outputs, results) : null;
            Tensor y = before?.Tensor ?? on.Rent(rows, outputs, results);
            return new(() => on.Backend.Linear(x.Tensor, weights, y, epilogue), agreement =>
            {
                long[] some = Buffers.Spread(rows);
                double[] expected = Plain.Linear<double>(x.Rows(some), weight, bias);
                if (epilogue == Epilogue.GeluErf) expected = Plain.Gelu(expected);
                float[]? added = before?.Rows(some).Values;
                for (int i = 0; added is not null && i < expected.Length; i++) expected[i] += added[i];
                agreement.Require("y", on.Read(y, some).Values, expected, multiplied);
            });
        });
    }

    public static Operation GatedAttention(Workload load, ElementType operands)
    {
        EncoderConfig config = load.Config;
        int width = config.Width, heads = config.Heads, headWidth = config.HeadWidth, radius = config.MaxBucketDistance;
        double stream = (double)load.AllFrames * width;
        Work work = new(4.0 * operands.Bytes() * stream + 4.0 * load.AllFrames * heads, 4 * load.Frames * stream, FrontEndOperations.GemmOf(operands));
        return new("gated_attention", load.Case, $"{load.Utterances} x {load.Frames} frames, {heads} heads of {headWidth}", work, on =>
        {
            const double Deviation = 0.5;   // of queries and keys: scores of heads of 64 then spread by two, in powers of two
            PackedBatch batch = on.BatchOfFrames(load);
            // The last utterance's last tile of queries reaches up to a tile past the last frame.
            RandomTensor qkv = on.Random(load.AllFrames, 3 * width, operands, Deviation, load.AllFrames + on.Backend.RowTile);
            RandomTensor gates = on.Random(load.AllFrames, heads, ElementType.Float32);
            Matrix table = on.Matrix(heads, 2 * radius + 1);
            RelativeBias bias = on.Own(new RelativeBias(on.Backend.Keep(table.Values, heads, 2 * radius + 1)));
            Tensor context = on.Rent(load.AllFrames, width, operands);
            return new(() => on.Backend.GatedAttention(batch, qkv.Tensor, heads, bias, gates.Tensor, context, CancellationToken.None), agreement =>
            {
                foreach ((int utterance, int head) in (ReadOnlySpan<(int, int)>)[(0, 0), (load.Utterances - 1, heads - 1)])
                {
                    long first = (long)utterance * load.Frames;
                    int[] columns = [.. Enumerable.Range(0, 3 * headWidth).Select(column => column / headWidth * width + head * headWidth + column % headWidth)];
                    var ofHead = new Bias(table.Range(head, 1), gates.Columns(first, load.Frames, [head]));
                    int[] queries = [.. Buffers.Spread(load.Frames).Select(static frame => (int)frame)];
                    double[] expected = Plain.Attention<double>(qkv.Columns(first, load.Frames, columns), heads: 1, ofHead, operands, queries);
                    Matrix rows = on.Read(context, [.. queries.Select(query => first + query)]);
                    float[] actual = [.. Enumerable.Range(0, queries.Length).SelectMany(row => rows[row].Slice(head * headWidth, headWidth).ToArray())];
                    agreement.Require($"utterance {utterance}, head {head}", actual, expected);
                }
            });
        });
    }

    private static Operation Linear(IBackend backend, string name, Workload load, int inputs, int outputs, ElementType results, Epilogue epilogue = Epilogue.None)
        => Linear(backend, name, load.Case, load.AllFrames, inputs, outputs, results, epilogue);

    private static Operation PositionalConv(Workload load, ElementType operands)
    {
        (int width, int groups, int kernel) = (load.Config.Width, load.Config.PositionalGroups, load.Config.PositionalKernel);
        int ofGroup = width / groups;
        double weights = (double)width * ofGroup * kernel;
        Work work = new(8.0 * load.AllFrames * width + operands.Bytes() * weights, 2 * load.AllFrames * weights, FrontEndOperations.GemmOf(operands));
        return new("positional_conv", load.Case, $"{load.Utterances} x [{load.Frames}, {width}], {kernel} taps, {groups} groups", work, on =>
        {
            PackedBatch batch = on.BatchOfFrames(load);
            RandomTensor x = on.Random(load.AllFrames, width, ElementType.Float32);
            float[] weight = on.Values(width * ofGroup * kernel, operands, RandomValues.DeviationOfSum((long)ofGroup * kernel)), bias = on.Values(width);
            PositionalConvWeights conv = on.Own(on.Backend.PackPositionalConv(weight, bias, width, groups, kernel));
            Tensor y = on.Rent(load.AllFrames, width, ElementType.Float32);
            return new(() => on.Backend.PositionalConv(batch, x.Tensor, conv, y), agreement =>
            {
                // A frame sees half a kernel to its left and right: so the first frames need no more than a kernel, and the last ones.
                int seen = Math.Min(load.Frames, kernel), whole = load.Frames == seen ? seen : seen - kernel / 2;
                Compare(utterance: 0, group: 0, firstSeen: 0, first: 0);
                Compare(load.Utterances - 1, groups - 1, firstSeen: load.Frames - seen, first: load.Frames - whole);

                void Compare(int utterance, int group, int firstSeen, int first)
                {
                    long start = (long)utterance * load.Frames;
                    int[] columns = [.. Enumerable.Range(group * ofGroup, ofGroup)];
                    Matrix input = x.Columns(start + firstSeen, seen, columns);
                    float[] weightOfGroup = weight.AsSpan(group * kernel * ofGroup * ofGroup, kernel * ofGroup * ofGroup).ToArray();
                    double[] all = Plain.PositionalConv<double>(input, input, weightOfGroup, bias.AsSpan(group * ofGroup, ofGroup).ToArray(), groups: 1, kernel);
                    Matrix rows = on.Read(y, [.. Enumerable.Range(first, whole).Select(frame => start + frame)]);
                    float[] actual = [.. Enumerable.Range(0, whole).SelectMany(row => rows[row].Slice(group * ofGroup, ofGroup).ToArray())];
                    agreement.Require($"utterance {utterance}, group {group}", actual, all.AsSpan((first - firstSeen) * ofGroup, whole * ofGroup));
                }
            });
        });
    }
}
