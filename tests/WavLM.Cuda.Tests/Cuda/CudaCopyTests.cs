using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>What goes over the bus, and what waits for it on the device.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class CudaCopyTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private const int Samples = 192_000;

    // Layers that take more memory than the front end.
    private static readonly EncoderConfig OfLayersThatMakeThePeak = TinyModel.Config with
    {
        Layers = 5, FeedForwardWidth = 1024,
        ConvLayers = [new(8, 10, 5), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 2, 2), new(8, 2, 2)],
    };

    private static readonly Waveform[] Batch = BatchInvariance.Noise([400, 5_000, 12_000], seed: 51);

    [Fact]
    public void A_batch_is_one_copy_to_the_host_for_each_layer_and_one_for_a_pool_a_sum_or_units()
    {
        EmulatedDevice.Reset();
        using SpeechEncoder encoder = SpeechEncoder.Load(tiny.Model, new EncoderOptions { Device = Device.Cuda(), Precision = Precision.Float32 });
        LayerSelection last = LayerSelection.Parse("last", encoder.Config), all = LayerSelection.Parse("all", encoder.Config);
        Assert.Equal(1, CopiesOf(() => encoder.Encode(Batch, last, CancellationToken.None)));
        Assert.Equal(3, CopiesOf(() => encoder.Encode(Batch, all, CancellationToken.None)));
        Assert.Equal(1, CopiesOf(() => encoder.Encode(Batch, all, Pooling.MeanAndDeviation, CancellationToken.None)));
        Assert.Equal(1, CopiesOf(() => encoder.EncodeWeightedSum(Batch, new float[] { 1, 2, 3 })));
        Assert.Equal(1, CopiesOf(() => encoder.EncodeWeightedSum(Batch, new float[] { 1, 2, 3 }, Pooling.Mean)));
        Assert.Equal(1, CopiesOf(() => encoder.EncodeUnits(Batch, 1, new float[5 * 64])));
    }

    /// <summary>More than a piece, and pieces that end within an array: several threads share them.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void What_is_copied_in_pieces_by_several_threads_is_whole(int schedule)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetSchedule(schedule);
        Waveform[] waveforms = BatchInvariance.Noise([1, 700_000, 263_000, 400], seed: 53);
        using var backend = CudaBackend.Open(ordinal: 0, Precision.Float32, static _ => { });
        Tensor[] uploaded = backend.Upload(waveforms);
        try
        {
            for (int i = 0; i < uploaded.Length; i++)
            {
                float[] whole = new float[uploaded[i].Rows], first = new float[whole.Length / 3], second = new float[whole.Length - first.Length];
                using IHostCopies copies = backend.CopyToHost();
                copies.Add<float>(uploaded[i], [whole]);
                copies.Add<float>(uploaded[i], [first, [], second]);
                copies.Finish();
                Assert.True(waveforms[i].Samples.Span.SequenceEqual(whole), waveforms[i].Id);
                Assert.True(waveforms[i].Samples.Span.SequenceEqual([.. first, .. second]), waveforms[i].Id);
            }
        }
        finally
        {
            foreach (Tensor tensor in uploaded) tensor.Dispose();
        }
    }

    /// <summary>A batch so large that several threads look at its samples.</summary>
    [Fact]
    public void Of_a_large_batch_the_first_utterance_with_a_sample_that_is_not_finite_is_named()
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(tiny.Model, new EncoderOptions { Device = Device.Cpu });
        Waveform[] batch = BatchInvariance.Noise([600_000, 400_000, 300_000], seed: 54);
        foreach (int i in new[] { 1, 2 })
        {
            float[] spoilt = batch[i].Samples.ToArray();
            spoilt[^1] = float.NaN;
            batch[i] = batch[i] with { Samples = spoilt };
        }
        var refused = Assert.Throws<ArgumentException>(() => encoder.Encode(batch, LayerSelection.Parse("last", encoder.Config), CancellationToken.None));
        Assert.StartsWith($"{batch[1].Id}: a sample is NaN or infinite", refused.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_layer_is_on_its_way_as_soon_as_it_is_final_and_at_most_two_lie_on_the_device(int schedule)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);
        EmulatedDevice.SetSchedule(schedule);
        using TemporaryFolder folder = new();
        EncoderConfig config = OfLayersThatMakeThePeak;
        CheckpointInitializer.Write(config, seed: 2, folder.Path);
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Waveform[] batch = BatchInvariance.Noise([Samples], seed: 52);
        using var backend = CudaBackend.Open(ordinal: 0, Precision.Float32, static _ => { });
        using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
        var forward = new EncoderForward(config, weights, backend);

        long withoutCopies = Peak(_ => { });
        var frames = new float[config.Frames(Samples) * config.Width];
        using IHostCopies copies = backend.CopyToHost();
        int layers = 0;
        EmulatedDevice.ResetCounts();
        long withCopies = Peak(hiddenStates =>
        {
            copies.Add<float>(hiddenStates, [frames]);
            Assert.Equal(++layers, EmulatedDevice.Count("copies_to_host"));
        });
        copies.Finish();
        Assert.Equal(config.Layers + 1, layers);
        Assert.InRange(withCopies - withoutCopies, 1, 2L * frames.Length * sizeof(float));

        long Peak(Action<Tensor> hiddenStates)
        {
            EmulatedDevice.ResetCounts();
            using PackedBatch packed = PackedBatch.Create(batch, config, new WaveformNormalization(Normalize: false, Epsilon: 0, Center: true), backend);
            forward.Run(packed, config.Layers, finalNorm: true, (_, x) => hiddenStates(x), CancellationToken.None);
            backend.Stream.Synchronize();
            return EmulatedDevice.Count("peak_bytes");
        }
    }

    [Fact]
    public void All_layers_take_one_layer_more_of_the_device_than_the_last_one_alone()
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);
        using TemporaryFolder folder = new();
        CheckpointInitializer.Write(OfLayersThatMakeThePeak, seed: 4, folder.Path);
        using SpeechEncoder encoder = SpeechEncoder.Load(folder.Path, new EncoderOptions { Device = Device.Cuda(), Precision = Precision.Float32 });
        Waveform[] batch = BatchInvariance.Noise([Samples], seed: 53);
        long last = PeakOf("last"), all = PeakOf("all");
        Assert.InRange(all - last, 0, 2 * OfLayersThatMakeThePeak.Frames(Samples) * OfLayersThatMakeThePeak.Width * sizeof(float));

        long PeakOf(string layers)
        {
            EmulatedDevice.ResetCounts();
            encoder.Encode(batch, LayerSelection.Parse(layers, encoder.Config), CancellationToken.None);
            return EmulatedDevice.Count("peak_bytes");
        }
    }

    [Fact]
    public void Device_memory_is_linear_in_time_up_to_20000_frames()
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);   // 20,000 frames have 400 million scores
        using TemporaryFolder folder = new();
        EncoderConfig config = TinyModel.Config with
        {
            Width = 16, Layers = 1, Heads = 1, FeedForwardWidth = 32, PositionalGroups = 4, PositionalKernel = 16,
            ConvLayers = [new(8, 10, 5), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 2, 2), new(8, 2, 2)],
        };
        CheckpointInitializer.Write(config, seed: 3, folder.Path);
        using SpeechEncoder encoder = SpeechEncoder.Load(folder.Path, new EncoderOptions { Device = Device.Cuda(), Precision = Precision.Float32 });
        long weights = EmulatedDevice.Count("live_bytes");
        long[] peaks = [.. ((ReadOnlySpan<int>)[5_000, 10_000, 20_000]).ToArray().Select(PeakOf)];
        // The front end's tiles are the same for all; what grows, grows by frames.
        Assert.InRange(peaks[2] - peaks[1], 1, (long)(2.05 * (peaks[1] - peaks[0])));
        Assert.InRange(peaks[2] - weights, 1, 2 * (peaks[1] - weights));

        long PeakOf(int frames)
        {
            var samples = new float[config.SamplesFor(frames)];
            var random = new Random(frames);
            foreach (ref float sample in samples.AsSpan()) sample = random.NextSingle() - 0.5f;
            EmulatedDevice.ResetCounts();
            Features features = encoder.Encode(samples);
            Assert.Equal(frames, features.FrameCount);
            return EmulatedDevice.Count("peak_bytes");
        }
    }

    private static long CopiesOf(Action pass)
    {
        EmulatedDevice.ResetCounts();
        pass();
        return EmulatedDevice.Count("copies_to_host");
    }
}
