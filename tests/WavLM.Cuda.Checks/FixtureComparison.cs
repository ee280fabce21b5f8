using WavLM.Cuda.Audio;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Checks;

/// <summary>Every layer of a fixture against what another implementation computed in float64.</summary>
public static class FixtureComparison
{
    /// <summary>The largest relative L2 error that a layer may have.</summary>
    public static double Bound(Precision precision) => precision switch
    {
        Precision.Float32 => 1e-5,
        Precision.Float16 => 2e-3,
        Precision.BFloat16 => 1.5e-2,
        Precision.Int8 => 5e-2,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no bound is known"),
    };

    /// <summary>An encoder that does what the fixture's writer did.</summary>
    public static SpeechEncoder Load(Fixture fixture, Precision precision, Device device)
    {
        using Checkpoint checkpoint = Checkpoint.Open(fixture.ModelPath);
        FeatureConvention convention = FeatureConvention.Resolve(fixture.Convention, checkpoint);
        return SpeechEncoder.Load(checkpoint, new EncoderOptions { Precision = precision, Convention = convention, Device = device });
    }

    /// <summary>The fixture's recordings at 16 kHz.</summary>
    public static Waveform[] Recordings(Fixture fixture) => [.. fixture.Utterances.Select(Read)];

    /// <returns>The worst layer's error and where it is.</returns>
    /// <exception cref="CheckFailedException">Another number of layers or values than the fixture holds.</exception>
    public static (double Error, string Where) Worst(Fixture fixture, Features[] features, int layers)
    {
        (double error, string where) worst = (0, "nothing compared");
        for (int i = 0; i < features.Length; i++)
        {
            string utterance = fixture.Utterances[i];
            float[][] expected = fixture.Expected(utterance);
            if (expected.Length != layers + 1 - fixture.FirstLayer)
                throw new CheckFailedException($"{fixture.Name}, {utterance}: {expected.Length} layers expected, the model has {layers}");
            for (int k = 0; k < expected.Length; k++)
            {
                int layer = k + fixture.FirstLayer;
                double error = RelativeL2(features[i].Layer(layer), expected[k], features[i].Width, fixture.FrameStep(utterance));
                if (!(error <= worst.error)) worst = (error, $"{utterance}, layer {layer}");   // NaN is worse than all
            }
        }
        return worst;
    }

    /// <summary>|actual - expected| / |expected|.</summary>
    public static double RelativeL2(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected) => RelativeL2(actual, expected, width: 1, step: 1);

    private static Waveform Read(string utterance)
    {
        using AudioFile file = AudioFile.Open(Fixture.AudioPath(utterance));
        return new Waveform(utterance, Resampler.To16kHz(file.Read(ChannelSelection.Mean)[0], file.SampleRate));
    }

    /// <summary>Of every step-th frame, which are those that the fixture kept.</summary>
    private static double RelativeL2(ReadOnlySpan<float> actual, ReadOnlySpan<float> kept, int width, int step)
    {
        if ((actual.Length / width + step - 1) / step != kept.Length / width)
            throw new CheckFailedException($"{actual.Length / width} frames, of which one in {step} should be {kept.Length / width}");
        double difference = 0, norm = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            double expected = kept[i], found = actual[i / width * step * width + i % width];
            difference += (found - expected) * (found - expected);
            norm += expected * expected;
        }
        return Math.Sqrt(difference / norm);
    }
}
