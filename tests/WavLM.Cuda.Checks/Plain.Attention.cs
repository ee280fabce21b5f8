using System.Numerics;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>The relative bias of an attention on the host: by head and distance, constant beyond the radius; gates by frame and head.</summary>
internal sealed record Bias(Matrix Table, Matrix Gates)
{
    public int Radius => (Table.Columns - 1) / 2;
}

internal static partial class Plain
{
    /// <summary>
    /// softmax in powers of two over one utterance, the whole row of scores at once; the naive form rounds probabilities to
    /// operands, as everything that a matmul reads.
    /// </summary>
    /// <param name="qkv">[frames, 3 width], of the utterance alone.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="bias">Of the utterance alone; or null.</param>
    /// <param name="operands">What probabilities are rounded to; not at all in float64.</param>
    /// <param name="queries">The frames that context is wanted of; null for all of them.</param>
    public static T[] Attention<T>(Matrix qkv, int heads, Bias? bias, ElementType operands, int[]? queries = null)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int frames = qkv.Rows, width = qkv.Columns / 3, headWidth = width / heads;
        queries ??= [.. Enumerable.Range(0, frames)];
        T[] values = Of<T>(qkv.Values), scores = new T[frames], context = new T[queries.Length * width];
        bool rounded = typeof(T) == typeof(float) && operands != ElementType.Float32;
        for (int head = 0; head < heads; head++)
        {
            for (int row = 0; row < queries.Length; row++)
            {
                int i = queries[row];
                T largest = T.NegativeInfinity, total = T.Zero;
                ReadOnlySpan<T> query = Part(i, 0, head);
                for (int j = 0; j < frames; j++)
                {
                    ReadOnlySpan<T> key = Part(j, 1, head);
                    T score = T.Zero;
                    for (int k = 0; k < query.Length; k++) score += query[k] * key[k];
                    if (bias is not null)
                    {
                        int distance = Math.Clamp(j - i, -bias.Radius, bias.Radius);
                        score += T.CreateTruncating(bias.Gates[i][head]) * T.CreateTruncating(bias.Table[head][distance + bias.Radius]);
                    }
                    scores[j] = score;
                    largest = T.Max(largest, score);
                }
                for (int j = 0; j < frames; j++)
                {
                    scores[j] = T.Exp2(scores[j] - largest);
                    total += scores[j];
                }
                Span<T> sum = context.AsSpan(row * width + head * headWidth, headWidth);
                for (int j = 0; j < frames; j++)
                {
                    T probability = scores[j] / total;
                    if (rounded) probability = T.CreateTruncating(Rounding.To(operands, float.CreateTruncating(probability)));
                    ReadOnlySpan<T> value = Part(j, 2, head);
                    for (int k = 0; k < sum.Length; k++) sum[k] += probability * value[k];
                }
            }
        }
        return context;

        ReadOnlySpan<T> Part(int frame, int part, int head) => values.AsSpan((frame * 3 + part) * width + head * headWidth, headWidth);
    }
}
