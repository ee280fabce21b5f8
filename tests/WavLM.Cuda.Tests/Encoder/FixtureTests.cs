using System.Globalization;
using System.Runtime.Intrinsics.X86;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Encoder;

/// <summary>Every layer of every fixture against what other implementations computed in float64.</summary>
public sealed class FixtureTests(FixtureTests.Accuracy accuracy) : IClassFixture<FixtureTests.Accuracy>
{
    private const double Float32Bound = 1e-5, BFloat16Bound = 1.5e-2;

    public static TheoryData<string, Precision> Cases
    {
        get
        {
            var cases = new TheoryData<string, Precision>();
            foreach (Fixture fixture in Fixture.All)
            {
                cases.Add(fixture.Name, Precision.Float32);
                cases.Add(fixture.Name, Precision.BFloat16);
            }
            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Every_layer_is_within_the_bound(string name, Precision precision)
    {
        Skip.If(precision == Precision.BFloat16 && !Avx512F.IsSupported, "bfloat16 needs AVX-512");
        Fixture fixture = Fixture.Named(name);
        using Checkpoint checkpoint = Checkpoint.Open(fixture.ModelPath);
        FeatureConvention convention = FeatureConvention.Resolve(fixture.Convention, checkpoint);
        using SpeechEncoder encoder = SpeechEncoder.Load(checkpoint, new EncoderOptions { Precision = precision, Convention = convention });
        Features[] features = encoder.Encode([.. fixture.Utterances.Select(Read)], LayerSelection.Parse("all", encoder.Config), CancellationToken.None);

        (double error, string where) worst = (0, "nothing compared");
        for (int i = 0; i < features.Length; i++)
        {
            float[][] expected = fixture.Expected(fixture.Utterances[i]);
            Assert.Equal(encoder.Config.Layers + 1 - fixture.FirstLayer, expected.Length);
            for (int k = 0; k < expected.Length; k++)
            {
                int layer = k + fixture.FirstLayer;
                double error = RelativeL2(features[i].Layer(layer), expected[k], features[i].Width, fixture.FrameStep(fixture.Utterances[i]));
                if (!(error <= worst.error)) worst = (error, $"{fixture.Utterances[i]}, layer {layer}");
            }
        }
        double bound = precision == Precision.Float32 ? Float32Bound : BFloat16Bound;
        accuracy.Add(string.Create(CultureInfo.InvariantCulture, $"{name,-28}{precision,-10}{worst.error:0.0e+00} of {bound:0.0e+00}  {worst.where}"));
        Assert.True(worst.error <= bound, $"{name}, {precision}, {worst.where}: relative L2 {worst.error:R}, allowed {bound}");   // false for NaN
    }

    private static Waveform Read(string utterance)
    {
        using AudioFile file = AudioFile.Open(Fixture.AudioPath(utterance));
        return new Waveform(utterance, Resampler.To16kHz(file.Read(ChannelSelection.Mean)[0], file.SampleRate));
    }

    /// <summary>Of every step-th frame, which are those that the fixture kept.</summary>
    private static double RelativeL2(ReadOnlySpan<float> actual, float[] kept, int width, int step)
    {
        Assert.Equal((actual.Length / width + step - 1) / step, kept.Length / width);
        double difference = 0, norm = 0;
        for (int i = 0; i < kept.Length; i++)
        {
            double expected = kept[i], found = actual[i / width * step * width + i % width];
            difference += (found - expected) * (found - expected);
            norm += expected * expected;
        }
        return Math.Sqrt(difference / norm);
    }

    /// <summary>The worst layer of each fixture, left beside the tests for tests/run.sh to print.</summary>
    public sealed class Accuracy : IDisposable
    {
        private readonly List<string> _lines = [];

        public void Add(string line) => _lines.Add(line);

        public void Dispose() => File.WriteAllLines(
            Path.Combine(AppContext.BaseDirectory, "accuracy.txt"), _lines.Order(StringComparer.Ordinal).Prepend("Relative L2 against float64, worst layer:"));
    }
}
