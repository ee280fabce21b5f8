using System.Globalization;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Whole passes with half operands from the first convolution on, which the fixtures are too narrow for, and the kernels that they take.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class WideModelTests(WideModel wide, ITestOutputHelper output) : IClassFixture<WideModel>
{
    public static TheoryData<string, Precision> WideModels => InEveryPrecision.Of(WideModel.Group, WideModel.Layer);

    public static TheoryData<string, Precision> Models => InEveryPrecision.Of("wavlm-tiny", "wavlm-large-unilm", WideModel.Group, WideModel.Layer);

    // The CPU in float32 stands for float64 here: what it errs, at most 1e-5, is far below what a half precision may.
    [Theory]
    [MemberData(nameof(WideModels))]
    public void Every_layer_agrees_with_the_cpu_within_the_bound(string model, Precision precision)
    {
        EmulatedDevice.Reset();
        using SpeechEncoder cpu = SpeechEncoder.Load(wide.PathOf(model), new EncoderOptions { Device = Device.Cpu, Precision = Precision.Float32 });
        using SpeechEncoder cuda = SpeechEncoder.Load(wide.PathOf(model), new EncoderOptions { Device = Device.Cuda(), Precision = precision });
        Waveform[] utterances = BatchInvariance.Noise([60, 139, 140, 1000, 4000], seed: 61);   // 1, 1, 2, 12 and 50 frames
        LayerSelection all = LayerSelection.Parse("all", cpu.Config);
        Features[] expected = cpu.Encode(utterances, all, CancellationToken.None), actual = cuda.Encode(utterances, all, CancellationToken.None);
        double worst = 0;
        for (int i = 0; i < utterances.Length; i++)
        {
            foreach (int layer in all.Layers) worst = Math.Max(worst, FixtureComparison.RelativeL2(actual[i].Layer(layer), expected[i].Layer(layer)));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{worst:0.0e+00} of {FixtureComparison.Bound(precision):0.0e+00}"));
        Assert.Empty(EmulatedDevice.Reports());
        Assert.True(worst <= FixtureComparison.Bound(precision), $"relative L2 {worst:R}");
    }

    // What is missing in the list is compiled while everybody waits; what is too much is compiled for nothing.
    [Theory]
    [MemberData(nameof(Models))]
    public void A_pass_launches_the_kernels_that_are_prepared_and_no_other(string model, Precision precision)
    {
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);
        using Checkpoint checkpoint = Checkpoint.Open(wide.PathOf(model));
        EncoderConfig config = checkpoint.Config;
        using CudaBackend backend = new(0, KernelCache.None, precision.OperandType());
        backend.Prepare(config);
        using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
        bool normalize = config.FrontEndNorm == FrontEndNorm.Layer;
        WaveformNormalization normalization = new(normalize, Epsilon: 1e-5, Center: !normalize);
        using (PackedBatch batch = PackedBatch.Create(BatchInvariance.Noise([1000], seed: 62), config, normalization, backend))
            new FeaturePass(new EncoderForward(config, weights, backend), config, finalNorm: true, backend).Layers(batch, [config.Layers], Pooling.None, CancellationToken.None);

        Assert.Equal(ModelKernels.Of(config, precision.OperandType()).Select(static variant => variant.Name).Order(StringComparer.Ordinal), backend.Kernels.Loaded.Order(StringComparer.Ordinal));
        EmulatedDevice.Reset();
    }
}
