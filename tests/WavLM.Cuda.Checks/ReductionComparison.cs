namespace WavLM.Cuda.Checks;

/// <summary>What an encoder sums, pools and looks up on its device, against the same made of its hidden states on the host in float64.</summary>
public static class ReductionComparison
{
    // Sums of some hundred float32 values.
    private const double Bound = 1e-5;

    /// <returns>Null, or the first result that is not what the hidden states say.</returns>
    public static string? FirstDifference(SpeechEncoder encoder, Waveform[] batch, int seed)
    {
        LayerSelection all = LayerSelection.Parse("all", encoder.Config);
        Features[] states = encoder.Encode(batch, all, CancellationToken.None);
        float[] weights = Inputs.Normal(encoder.Config.Layers + 1, seed);
        float[] centroids = Inputs.Normal(7 * encoder.Config.Width, seed + 1);
        Features[] pooled = encoder.Encode(batch, all, Pooling.MeanAndDeviation, CancellationToken.None);
        float[][] sums = encoder.EncodeWeightedSum(batch, weights), meanSums = encoder.EncodeWeightedSum(batch, weights, Pooling.Mean);
        int[][] units = encoder.EncodeUnits(batch, encoder.Config.Layers - 1, centroids);
        for (int i = 0; i < batch.Length; i++)
        {
            double[] sum = WeightedSum(states[i], weights);
            string? difference = Difference("weighted sum", sums[i], sum) ?? Difference("mean of the weighted sum", meanSums[i], Mean(sum, states[i].Width))
                ?? DifferenceOfUnits(units[i], states[i].Layer(encoder.Config.Layers - 1), centroids, states[i].Width);
            foreach (int layer in all.Layers) difference ??= DifferenceOfPool(pooled[i].Layer(layer), states[i].Layer(layer), states[i].Width, layer);
            if (difference is not null) return $"{batch[i].Id}: {difference}";
        }
        return null;
    }

    private static double[] WeightedSum(Features states, float[] weights)
    {
        var sum = new double[states.FrameCount * states.Width];
        foreach (int layer in states.Layers)
        {
            ReadOnlySpan<float> values = states.Layer(layer);
            for (int i = 0; i < sum.Length; i++) sum[i] += (double)weights[layer] * values[i];
        }
        return sum;
    }

    private static double[] Mean(ReadOnlySpan<double> frames, int width)
    {
        var mean = new double[width];
        for (int i = 0; i < frames.Length; i++) mean[i % width] += frames[i] / (frames.Length / width);
        return mean;
    }

    private static string? DifferenceOfPool(ReadOnlySpan<float> pooled, ReadOnlySpan<float> states, int width, int layer)
    {
        var values = new double[states.Length];
        for (int i = 0; i < values.Length; i++) values[i] = states[i];
        double[] mean = Mean(values, width), deviation = new double[width];
        int frames = states.Length / width;
        for (int i = 0; i < values.Length; i++) deviation[i % width] += Math.Pow(values[i] - mean[i % width], 2) / Math.Max(1, frames - 1);
        return Difference($"mean of layer {layer}", pooled[..width], mean) ?? Difference($"deviation of layer {layer}", pooled[width..], Array.ConvertAll(deviation, Math.Sqrt));
    }

    private static string? DifferenceOfUnits(int[] units, ReadOnlySpan<float> states, float[] centroids, int width)
    {
        for (int frame = 0; frame < units.Length; frame++)
        {
            ReadOnlySpan<float> x = states.Slice(frame * width, width);
            var distances = new double[centroids.Length / width];
            for (int i = 0; i < centroids.Length; i++) distances[i / width] += Math.Pow((double)x[i % width] - centroids[i], 2);
            if (units[frame] < 0 || units[frame] >= distances.Length || distances[units[frame]] > distances.Min() * (1 + Bound))
                return $"unit of frame {frame}: {units[frame]}, expected {Array.IndexOf(distances, distances.Min())}";
        }
        return null;
    }

    private static string? Difference(string what, ReadOnlySpan<float> actual, double[] expected)
    {
        if (actual.Length != expected.Length) return $"{what}: {actual.Length} values, expected {expected.Length}";
        double scale = Math.Max(1, expected.Max(Math.Abs));
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= Bound * scale)) return $"{what}, value {i}: {actual[i]:R}, expected {expected[i]:R}";   // true for NaN
        }
        return null;
    }
}
