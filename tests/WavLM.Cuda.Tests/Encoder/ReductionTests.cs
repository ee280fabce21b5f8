using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Encoder;

public sealed class ReductionTests
{
    [Theory]
    [InlineData("wavlm-base")]
    [InlineData("wavlm-large-unilm")]
    public void Sums_pools_and_units_are_what_the_hidden_states_say(string fixture)
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Fixture.Named(fixture).ModelPath, new EncoderOptions { Device = Device.Cpu });
        Assert.Null(ReductionComparison.FirstDifference(encoder, BatchInvariance.Noise([400, 9_000, 20_000], seed: 31), seed: 32));
    }

    [Fact]
    public void Wrong_sizes_are_refused_by_name()
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Fixture.Named("wavlm-tiny").ModelPath, new EncoderOptions { Device = Device.Cpu });
        Waveform[] batch = BatchInvariance.Noise([400], seed: 33);
        Assert.Contains("found 2 layer weights, expected 3", Assert.Throws<ArgumentException>(() => encoder.EncodeWeightedSum(batch, new float[2])).Message, StringComparison.Ordinal);
        Assert.Contains("found 65 values of centroids", Assert.Throws<ArgumentException>(() => encoder.EncodeUnits(batch, 0, new float[65])).Message, StringComparison.Ordinal);
        Assert.Contains("found layer 3, expected 0..2", Assert.Throws<ArgumentException>(() => encoder.EncodeUnits(batch, 3, new float[64])).Message, StringComparison.Ordinal);
    }
}
