using System.Runtime.InteropServices;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Checks;

/// <summary>Features of an utterance, alone and in batches of every kind: the same bits, or the first difference in words.</summary>
public static class BatchInvariance
{
    /// <summary>Seeded noise of the given lengths, loud and faint, some of it on an offset.</summary>
    public static Waveform[] Noise(IEnumerable<int> lengths, int seed)
    {
        var random = new Random(seed);
        return [.. lengths.Select((length, index) =>
        {
            float gain = MathF.Pow(10, -3 * random.NextSingle()), offset = index % 5 == 4 ? 0.25f : 0;
            float[] samples = [.. Enumerable.Range(0, length).Select(_ => offset + gain * (2 * random.NextSingle() - 1))];
            return new Waveform($"noise-{index}-of-{length}", samples);
        })];
    }

    /// <summary>Encodes each utterance alone, then all of them in shuffled batches of each size; returns what differs.</summary>
    /// <param name="encoder">Whose features they are.</param>
    /// <param name="utterances">At least as many as the largest batch.</param>
    /// <param name="batchSizes">Utterances a batch.</param>
    /// <param name="alone">Features of the utterances alone, if they are known from another encoder; else null.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <param name="features">The features of the utterances alone.</param>
    /// <returns>Null, or the first utterance and layer whose bits differ.</returns>
    public static string? FirstDifference(IFeatureEncoder encoder, Waveform[] utterances, IEnumerable<int> batchSizes, Features[]? alone, int seed, out Features[] features)
    {
        LayerSelection layers = LayerSelection.Parse("all", encoder.Config);
        Features[] expected = alone ?? [.. utterances.Select(utterance => encoder.Encode([utterance], layers, CancellationToken.None)[0])];
        features = expected;
        var random = new Random(seed);
        foreach (int size in batchSizes)
        {
            int[] order = [.. Enumerable.Range(0, utterances.Length)];
            random.Shuffle(order);
            foreach (int[] batch in order.Chunk(size))
            {
                Features[] together = encoder.Encode([.. batch.Select(i => utterances[i])], layers, CancellationToken.None);
                for (int i = 0; i < batch.Length; i++)
                {
                    if (Difference(expected[batch[i]], together[i]) is { } difference) return $"in slot {i} of a batch of {size}: {difference}";
                }
            }
        }
        return null;
    }

    /// <summary>Encodes the first utterance alone, then in every slot of batches of each size: in the even slots of one, in the odd ones of another, the next ones between.</summary>
    /// <returns>Null, or the first slot and value whose bits differ.</returns>
    public static string? FirstDifferenceInSlots(IFeatureEncoder encoder, Waveform[] utterances, IEnumerable<int> batchSizes)
    {
        LayerSelection layers = LayerSelection.Parse("all", encoder.Config);
        Features alone = encoder.Encode([utterances[0]], layers, CancellationToken.None)[0];
        foreach (int size in batchSizes)
        {
            for (int parity = 0; parity < 2; parity++)
            {
                Features[] together = encoder.Encode([.. Enumerable.Range(0, size).Select(slot => utterances[slot % 2 == parity ? 0 : slot / 2 + 1])], layers, CancellationToken.None);
                for (int slot = parity; slot < size; slot += 2)
                {
                    if (Difference(alone, together[slot]) is { } difference) return $"in slot {slot} of a batch of {size}: {difference}";
                }
            }
        }
        return null;
    }

    /// <summary>The first layer and value whose bits differ; null if none.</summary>
    public static string? Difference(Features expected, Features actual)
    {
        foreach (int layer in expected.Layers)
        {
            ReadOnlySpan<int> a = MemoryMarshal.Cast<float, int>(expected.Layer(layer)), b = MemoryMarshal.Cast<float, int>(actual.Layer(layer));
            if (a.Length != b.Length) return $"{actual.Id}: {b.Length} values, expected {a.Length}";
            int same = a.CommonPrefixLength(b);
            if (same < a.Length)
                return $"{actual.Id}, layer {layer}, frame {same / expected.Width}, column {same % expected.Width}: {actual.Layer(layer)[same]:R}, alone {expected.Layer(layer)[same]:R}";
        }
        return null;
    }

    /// <summary>The utterance with zeros behind it, and its features cut back to its own frames: what padding would make of it.</summary>
    public static Features Padded(SpeechEncoder encoder, Waveform utterance, int samples)
    {
        var padded = new float[samples];
        utterance.Samples.CopyTo(padded);
        Features features = encoder.Encode([utterance with { Samples = padded }], LayerSelection.Parse("all", encoder.Config), CancellationToken.None)[0];
        int values = (int)encoder.Config.Frames(utterance.Samples.Length) * features.Width;
        return new Features(utterance.Id, features.Width, features.Layers, [.. features.Layers.Select(layer => features.Layer(layer)[..values].ToArray())]);
    }

    /// <summary>An encoder with one precision and number of threads.</summary>
    public static SpeechEncoder Load(Checkpoint checkpoint, Precision precision, int threads)
        => SpeechEncoder.Load(checkpoint, new EncoderOptions { Device = Device.Cpu, Precision = precision, Threads = threads });
}
