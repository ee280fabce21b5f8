using WavLM.Cuda.Audio;

namespace WavLM.Cuda.Tests.Audio;

public class ResamplerTests
{
    [Theory]
    [InlineData(8_000)]
    [InlineData(22_050)]
    [InlineData(44_100)]
    [InlineData(48_000)]
    public void A_sine_stays_the_exact_sine(int rate)
    {
        // Five seconds: several of the blocks that are handed to the library.
        float[] actual = Resampler.To16kHz(Recordings.Sine(1_000, rate, 5 * rate), rate);
        float[] exact = Recordings.Sine(1_000, 16_000, 5 * 16_000);

        Assert.Equal(exact.Length, actual.Length);
        double error = 0, power = 0;
        for (int i = 1_600; i < exact.Length - 1_600; i++)   // the ends ring: silence meets the sine there
        {
            error += Math.Pow((double)actual[i] - exact[i], 2);
            power += Math.Pow(exact[i], 2);
        }
        double decibel = 10 * Math.Log10(error / power);
        Assert.True(decibel < -130, $"error {decibel:0.0} dB at {rate} Hz, expected below -130");
    }

    [Fact]
    public void What_16_kHz_cannot_carry_is_gone()
    {
        float[] result = Resampler.To16kHz(Recordings.Sine(9_000, 48_000, 48_000), 48_000);

        double power = result.Skip(1_600).SkipLast(1_600).Average(v => (double)v * v);
        Assert.True(10 * Math.Log10(power / 0.125) < -120);
    }

    [Fact]
    public void At_16_kHz_nothing_is_touched()
    {
        float[] samples = [0.1f, -2f, float.Epsilon];

        Assert.Equal(samples, Resampler.To16kHz(samples, 16_000));
    }

    [Theory]
    [InlineData(0, 44_100, 0)]
    [InlineData(1, 8_000, 2)]
    [InlineData(1, 48_000, 0)]
    [InlineData(2, 48_000, 1)]
    [InlineData(44_100, 44_100, 16_000)]
    [InlineData(100_000, 44_100, 36_281)]
    [InlineData(100_001, 11_025, 145_126)]
    public void The_length_is_the_rounded_duration(int samples, int rate, int expected)
    {
        Assert.Equal(expected, Resampler.OutputLength(samples, rate));
        Assert.Equal(expected, Resampler.To16kHz(new float[samples], rate).Length);
    }

    [Fact]
    public void A_constant_stays_constant_to_the_last_sample_but_the_edges()
    {
        float[] result = Resampler.To16kHz(Enumerable.Repeat(0.5f, 441_000).ToArray(), 44_100);

        Assert.Equal(160_000, result.Length);
        Assert.All(result.Skip(500).SkipLast(500), v => Assert.InRange(v, 0.49999f, 0.50001f));
        Assert.InRange(result[^1], 0.2f, 0.7f);   // flushed: the filter's delay is not lost
    }
}
