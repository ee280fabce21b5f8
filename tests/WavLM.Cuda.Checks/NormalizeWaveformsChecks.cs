using System.Numerics;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>Waveforms centred and normalised where they lie, by statistics of each utterance alone.</summary>
internal static class NormalizeWaveformsChecks
{
    private const double Epsilon = 1e-7;
    private const double Offset = 0.5;

    // Around a CUDA block's chunk of samples.
    private static readonly (string, int[]) Lengths = ("samples", [1, 31, 400, 8191, 8192, 8193, 40_000]);

    private static readonly (string, int[]) Normalize = ("normalize", [0, 1]);

    public static IEnumerable<Check> All =>
    [
        .. Check.OfEveryLength("normalize_waveforms", first: 1, (on, samples) => Errs(on, samples, normalize: 1)),
        .. Check.Cross("normalize_waveforms", Lengths, Normalize, Errs),
        .. Check.Cross("normalize_waveforms by utterance", Normalize, ByUtterance),
    ];

    private static void Errs(CheckedBackend on, int length, int normalize)
    {
        float[] samples = Inputs.Normal(length, seed: 181, deviation: 0.1, mean: Offset);

        Matrix actual = Prepared(on, normalize == 1, samples)[0];

        on.Errors.AtMostTwice("samples", actual, Prepared<float>(samples, normalize == 1), Prepared<double>(samples, normalize == 1), ElementType.Float32);
    }

    // Another utterance's length decides how much work a device has, and must not decide a bit.
    private static void ByUtterance(CheckedBackend on, int normalize)
    {
        float[] x = Inputs.Normal(20_000, seed: 182, deviation: 0.1, mean: Offset);
        float[] longer = Inputs.Normal(50_000, seed: 183), shorter = Inputs.Normal(7, seed: 184, mean: -Offset);
        Matrix alone = Prepared(on, normalize == 1, x)[0];
        Matrix[] together = Prepared(on, normalize == 1, longer, x, shorter, x);
        on.Errors.SameBits("behind a longer one", together[1], alone);
        on.Errors.SameBits("behind a shorter one", together[3], alone);
    }

    private static Matrix[] Prepared(CheckedBackend on, bool normalize, params float[][] samples)
    {
        using PackedBatch batch = on.Pack(Configs.OneSampleAFrame, samples);
        on.Backend.NormalizeWaveforms(batch, new WaveformNormalization(normalize, Epsilon, Center: !normalize));
        return [.. batch.Utterances.ToArray().Select(utterance => on.Download(utterance.Samples))];
    }

    private static T[] Prepared<T>(float[] samples, bool normalize)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T[] x = Plain.Of<T>(samples);
        T count = T.CreateChecked(x.Length), sum = T.Zero, squares = T.Zero;
        foreach (T sample in x) sum += sample;
        T mean = sum / count;
        foreach (T sample in x) squares += (sample - mean) * (sample - mean);
        T deviation = normalize ? T.Sqrt(squares / count + T.CreateTruncating(Epsilon)) : T.One;
        return Array.ConvertAll(x, sample => (sample - mean) / deviation);
    }
}
