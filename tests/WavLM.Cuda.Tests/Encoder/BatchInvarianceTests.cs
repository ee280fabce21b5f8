using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;

using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.Encoder;

/// <summary>The promise: any order, any batch, any number of threads, and an utterance's features are the same bytes.</summary>
public sealed class BatchInvarianceTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [InlineData("wavlm-base", Precision.Float32)]
    [InlineData("wavlm-base", Precision.BFloat16)]
    [InlineData("wavlm-base", Precision.Int8)]
    [InlineData("wavlm-large-unilm", Precision.Float32)]
    [InlineData("wavlm-large-unilm", Precision.BFloat16)]
    [InlineData("wavlm-large-unilm", Precision.Int8)]
    public void Alone_and_in_batches_of_2_to_64_the_bits_are_equal(string fixture, Precision precision)
    {
        CpuInstructions.Require(precision);
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named(fixture).ModelPath);
        int[] lengths = [400, 401, 719, 720, 1039, 1040, 5_000, 20_479, 20_880, 33_000, 131_000, 164_240, 30 * 16_000];
        Waveform[] utterances = BatchInvariance.Noise(lengths.Concat(Enumerable.Range(0, 64 - lengths.Length).Select(i => 400 + 347 * i)), seed: 11);
        Features[]? alone = null;
        foreach (int threads in (int[])[1, 2, 4])
        {
            using SpeechEncoder encoder = BatchInvariance.Load(checkpoint, precision, threads);
            string? difference = BatchInvariance.FirstDifference(encoder, utterances, [2, 3, 16, 64], alone, seed: threads, out alone);
            Assert.True(difference is null, $"{threads} threads, {difference}");
        }
    }

    [SkippableTheory]
    [InlineData("base", Precision.Float32)]
    [InlineData("base", Precision.BFloat16)]
    [InlineData("base", Precision.Int8)]
    [InlineData("large", Precision.Float32)]
    [InlineData("large", Precision.BFloat16)]
    [InlineData("large", Precision.Int8)]
    public void At_full_size_too(string size, Precision precision)
    {
        CpuInstructions.Require(precision);
        using TemporaryFolder folder = new();
        CheckpointInitializer.Write(EncoderSizes.Find(size), seed: 5, folder.Path);
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Waveform[] utterances = BatchInvariance.Noise([400, 1039, 9_000, 20_700, 41_300], seed: 12);
        Features[]? alone = null;
        foreach (int threads in (int[])[1, 2, 4])
        {
            using SpeechEncoder encoder = BatchInvariance.Load(checkpoint, precision, threads);
            string? difference = BatchInvariance.FirstDifference(encoder, utterances, [2, 5], alone, seed: threads, out alone);
            Assert.True(difference is null, $"{threads} threads, {difference}");
        }
        output.WriteLine($"{size}, {precision}: {utterances.Length} utterances, 1, 2 and 4 threads, the same bits");
    }

    [SkippableTheory]
    [InlineData("wavlm-base")]
    [InlineData("wavlm-large-unilm")]
    public void Padding_would_be_seen(string fixture)
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Fixture.Named(fixture).ModelPath, new EncoderOptions { Device = Device.Cpu });
        Waveform utterance = BatchInvariance.Noise([5_000], seed: 13)[0];
        Features alone = encoder.Encode([utterance], LayerSelection.Parse("all", encoder.Config), CancellationToken.None)[0];
        Assert.NotNull(BatchInvariance.Difference(alone, BatchInvariance.Padded(encoder, utterance, samples: 9_000)));
    }
}
