using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>The promise on the device: an utterance alone and in any slot of any batch has the same bits, layers recorded as graphs or not.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class CudaBatchInvarianceTests : IClassFixture<WideModel>, IDisposable
{
    private const int SamplesPerFrame = 320;

    // 1 to 27 frames of so many samples, around what one frame more takes.
    private static readonly int[] Lengths = [400, 401, 719, 720, 1039, 1040, 1679, 2000, 2960, 3999, 5001, 6000, 7120, 8000, 8500, 9000];

    private static readonly IEnumerable<int> BatchSizes = Enumerable.Range(2, 15);

    private readonly WideModel _wide;

    public CudaBatchInvarianceTests(WideModel wide)
    {
        _wide = wide;
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);   // other tests watch every kernel's accesses; here bits are compared
    }

    public static TheoryData<string, Precision> OtherModels => InEveryPrecision.Of("wavlm-base", "wavlm-large-unilm", WideModel.Group);

    public static TheoryData<string, Precision> BothFlavours => InEveryPrecision.Of("wavlm-tiny", "wavlm-large-unilm");

    public static TheoryData<string, Precision> NarrowAndWide => InEveryPrecision.Of("wavlm-tiny", WideModel.Layer);

    public static TheoryData<string, Precision> Tiny => InEveryPrecision.Of("wavlm-tiny");

    public static TheoryData<string, Precision> Large => InEveryPrecision.Of("wavlm-large-unilm");

    public void Dispose() => EmulatedDevice.Reset();

    [Theory]
    [MemberData(nameof(OtherModels))]
    [Trait("Category", "Long")]
    public void Of_other_models_too(string model, Precision precision) => Alone_and_in_every_slot_of_batches_of_2_to_16_the_bits_are_equal(model, precision);

    [Theory]
    [MemberData(nameof(NarrowAndWide))]
    public void Alone_and_in_every_slot_of_batches_of_2_to_16_the_bits_are_equal(string model, Precision precision)
    {
        using SpeechEncoder encoder = Load(model, precision);
        Waveform[] utterances = BatchInvariance.Noise(Lengths.Select(length => length * encoder.Config.SamplesPerFrame / SamplesPerFrame), seed: 21);
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
    [MemberData(nameof(BothFlavours))]
    public void One_utterance_has_the_same_bits_in_every_slot_of_batches_of_2_to_16(string model, Precision precision)
    {
        using SpeechEncoder encoder = Load(model, precision);
        Waveform[] utterances = BatchInvariance.Noise([7120, .. Lengths.Where(length => length != 7120)], seed: 24);
        Backend(encoder).RecordedFrames = 0;
        Assert.Null(BatchInvariance.FirstDifferenceInSlots(encoder, utterances, BatchSizes));
        Assert.NotNull(BatchInvariance.FirstDifferenceInSlots(new MixingUpSlots(encoder), utterances, [3]));
        Assert.Empty(EmulatedDevice.Reports());
    }

    // An utterance of several tiles of attention and positional convolution is begun before shorter ones and after longer ones.
    [Theory]
    [MemberData(nameof(NarrowAndWide))]
    public void An_utterance_of_many_tiles_has_the_same_bits_among_longer_and_shorter_ones(string model, Precision precision)
    {
        using SpeechEncoder encoder = Load(model, precision);
        int[] frames = [140, 270, 3, 141];
        Waveform[] utterances = BatchInvariance.Noise(frames.Select(encoder.Config.SamplesFor), seed: 25);
        Backend(encoder).RecordedFrames = 0;
        Assert.Null(BatchInvariance.FirstDifferenceInSlots(encoder, utterances, [2, 3, 5, 6]));
        Assert.Empty(EmulatedDevice.Reports());
    }

    // Two controls of the tests above: were its comparison blind, they would fail.
    [Theory]
    [MemberData(nameof(Tiny))]
    public void Features_of_another_slot_are_seen(string model, Precision precision)
    {
        using SpeechEncoder encoder = Load(model, precision);
        Waveform[] utterances = BatchInvariance.Noise(Enumerable.Repeat(1039, 4), seed: 22);   // equally long: the values alone tell
        Assert.Null(BatchInvariance.FirstDifference(encoder, utterances, [2], alone: null, seed: 1, out Features[] alone));
        Assert.NotNull(BatchInvariance.FirstDifference(new MixingUpSlots(encoder), utterances, [2], alone, seed: 1, out _));
    }

    [Theory]
    [MemberData(nameof(Large))]
    public void An_algorithm_chosen_for_the_rows_of_a_batch_gives_other_bits(string model, Precision precision)
    {
        using Checkpoint checkpoint = Checkpoint.Open(_wide.PathOf(model));
        Waveform utterance = BatchInvariance.Noise([9000], seed: 23)[0];   // 27 frames; a batch of twenty such has 540
        float[] alone = Features(27), among = Features(540);
        Assert.NotEqual(alone, among);
        Assert.Equal(alone, Features(27));

        float[] Features(int rowsOfBatch)
        {
            using var backend = new CudaBackend(ordinal: 0, KernelCache.None, precision.OperandType(), referenceRows: rowsOfBatch);
            using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
            using PackedBatch batch = PackedBatch.Create([utterance], checkpoint.Config, new WaveformNormalization(Normalize: true, Epsilon: 1e-5, Center: false), backend);
            var pass = new FeaturePass(new EncoderForward(checkpoint.Config, weights, backend), checkpoint.Config, finalNorm: true, backend);
            return pass.Layers(batch, [checkpoint.Config.Layers], Pooling.None, CancellationToken.None)[0][0];
        }
    }

    private SpeechEncoder Load(string model, Precision precision) => SpeechEncoder.Load(_wide.PathOf(model), new EncoderOptions { Device = Device.Cuda(), Precision = precision });

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
