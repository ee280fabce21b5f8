using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>The promise on the device: an utterance alone and in any slot of any batch has the same bits, layers recorded as graphs or not.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class CudaBatchInvarianceTests : IDisposable
{
    // 1 to 27 frames, around what one frame more takes.
    private static readonly int[] Lengths = [400, 401, 719, 720, 1039, 1040, 1679, 2000, 2960, 3999, 5001, 6000, 7120, 8000, 8500, 9000];

    private static readonly IEnumerable<int> BatchSizes = Enumerable.Range(2, 15);

    public CudaBatchInvarianceTests()
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);   // other tests watch every kernel's accesses; here bits are compared
    }

    public void Dispose() => EmulatedDevice.Reset();

    [Theory]
    [InlineData("wavlm-tiny")]
    [InlineData("wavlm-base")]
    [InlineData("wavlm-large-unilm")]
    public void Alone_and_in_every_slot_of_batches_of_2_to_16_the_bits_are_equal(string fixture)
    {
        using SpeechEncoder encoder = Load(fixture);
        Waveform[] utterances = BatchInvariance.Noise(Lengths, seed: 21);
        Backend(encoder).RecordedFrames = 0;
        Assert.Null(BatchInvariance.FirstDifference(encoder, utterances, BatchSizes, alone: null, seed: 1, out Features[] alone));
        Assert.Equal(0, EmulatedDevice.Count("graph_launches"));

        // Of small batches several are met in any case, of large ones some are repeated: the third of a kind is replayed.
        Backend(encoder).RecordedFrames = CudaBackend.MostRecordedFrames;
        Assert.Null(BatchInvariance.FirstDifference(encoder, utterances, [.. BatchSizes, 8, 11, 11, 16, 16], alone, seed: 2, out _));
        Assert.True(EmulatedDevice.Count("graph_launches") > 10 * encoder.Config.Layers, $"{EmulatedDevice.Count("graph_launches")} launches of graphs");
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Theory]
    [InlineData("wavlm-tiny")]
    [InlineData("wavlm-large-unilm")]
    public void One_utterance_has_the_same_bits_in_every_slot_of_batches_of_2_to_16(string fixture)
    {
        using SpeechEncoder encoder = Load(fixture);
        Waveform[] utterances = BatchInvariance.Noise([7120, .. Lengths.Where(length => length != 7120)], seed: 24);
        Backend(encoder).RecordedFrames = 0;
        Assert.Null(BatchInvariance.FirstDifferenceInSlots(encoder, utterances, BatchSizes));
        Assert.NotNull(BatchInvariance.FirstDifferenceInSlots(new MixingUpSlots(encoder), utterances, [3]));
        Assert.Empty(EmulatedDevice.Reports());
    }

    // Two controls of the tests above: were its comparison blind, they would fail.
    [Fact]
    public void Features_of_another_slot_are_seen()
    {
        using SpeechEncoder encoder = Load("wavlm-tiny");
        Waveform[] utterances = BatchInvariance.Noise(Enumerable.Repeat(1039, 4), seed: 22);   // equally long: the values alone tell
        Assert.Null(BatchInvariance.FirstDifference(encoder, utterances, [2], alone: null, seed: 1, out Features[] alone));
        Assert.NotNull(BatchInvariance.FirstDifference(new MixingUpSlots(encoder), utterances, [2], alone, seed: 1, out _));
    }

    [Fact]
    public void An_algorithm_chosen_for_the_rows_of_a_batch_gives_other_bits()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named("wavlm-large-unilm").ModelPath);
        Waveform utterance = BatchInvariance.Noise([9000], seed: 23)[0];   // 27 frames; a batch of twenty such has 540
        float[] alone = Features(27), among = Features(540);
        Assert.NotEqual(alone, among);
        Assert.Equal(alone, Features(27));

        float[] Features(int rowsOfBatch)
        {
            using var backend = new CudaBackend(ordinal: 0, KernelCache.None, referenceRows: rowsOfBatch);
            using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
            using PackedBatch batch = PackedBatch.Create([utterance], checkpoint.Config, new WaveformNormalization(Normalize: true, Epsilon: 1e-5, Center: false), backend);
            var pass = new FeaturePass(new EncoderForward(checkpoint.Config, weights, backend), checkpoint.Config, finalNorm: true, backend);
            return pass.Layers(batch, [checkpoint.Config.Layers], Pooling.None, CancellationToken.None)[0][0];
        }
    }

    private static SpeechEncoder Load(string fixture) => SpeechEncoder.Load(Fixture.Named(fixture).ModelPath, new EncoderOptions { Device = Device.Cuda(), Precision = Precision.Float32 });

    private static CudaBackend Backend(SpeechEncoder encoder) => (CudaBackend)encoder.Backend;

    private sealed class MixingUpSlots(SpeechEncoder encoder) : IFeatureEncoder
    {
        public EncoderConfig Config => encoder.Config;

        public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
        {
            Features[] features = encoder.Encode(batch, layers, cancellationToken);
            return [.. features[1..], features[0]];
        }
    }
}
