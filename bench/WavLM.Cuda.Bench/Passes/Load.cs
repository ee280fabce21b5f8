using System.Globalization;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>Utterances of one pass.</summary>
/// <param name="Name">As the command line has it.</param>
/// <param name="Samples">Of each, at 16 kHz.</param>
internal sealed record Load(string Name, IReadOnlyList<int> Samples)
{
    private const int Rate = 16_000;

    // Read speech as LibriSpeech has it: most up to 17 s, some twice as long, 12 s on average.
    private const int MixedUtterances = 64;
    private const double Shortest = 2, Usual = 17, Longest = 35, PartOfLong = 0.15;

    public double AudioSeconds => Samples.Sum(static samples => (double)samples) / Rate;

    /// <summary>Reads "64x15" (utterances x seconds), "mixed" or "hour".</summary>
    /// <exception cref="BenchException">It is none of these.</exception>
    public static Load Parse(string text)
    {
        if (text == "mixed") return new(text, [.. Mixed()]);
        if (text == "hour") return new(text, [3600 * Rate]);
        if (text.Split('x') is [var utterances, var seconds]
            && int.TryParse(utterances, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0
            && double.TryParse(seconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double length) && length * Rate is >= 400 and < int.MaxValue)
            return new(text, [.. Enumerable.Repeat((int)(length * Rate), count)]);
        throw new BenchException($"--load {text}: expected UTTERANCESxSECONDS such as 64x15, mixed or hour");
    }

    /// <summary>Noise, seeded: a pass takes as long whatever is said.</summary>
    public Waveform[] Waveforms()
    {
        var random = new Random(1);
        return [.. Samples.Select((count, i) => new Waveform($"noise {i}", Noise(random, count)))];
    }

    private static IEnumerable<int> Mixed()
    {
        var random = new Random(1);
        for (int i = 0; i < MixedUtterances; i++)
        {
            (double from, double to) = random.NextDouble() < PartOfLong ? (Usual, Longest) : (Shortest, Usual);
            yield return (int)((from + (to - from) * random.NextDouble()) * Rate);
        }
    }

    private static float[] Noise(Random random, int count)
    {
        var samples = new float[count];
        for (int i = 0; i < count; i++) samples[i] = 0.2f * (random.NextSingle() - 0.5f);
        return samples;
    }
}
