using System.Text.Json;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Checkpoints;
using WavLM.Cuda.Tests.Cli;
using WavLM.Cuda.Tests.Extraction;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>
/// A model whose first layer's hidden values pass float16's 65,504 in one utterance of a batch, and nowhere in the others: an error that
/// names it, and files of the others. In bfloat16 and float32 there is nothing to say.
/// </summary>
[Collection(EmulatedDevice.Collection)]
public sealed class OverflowTests : IClassFixture<OverflowTests.Model>, IDisposable
{
    private readonly Model _model;
    private readonly TemporaryFolder _folder = new();

    public OverflowTests(Model model)
    {
        _model = model;
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);
    }

    public void Dispose()
    {
        EmulatedDevice.Reset();
        _folder.Dispose();
    }

    [SkippableTheory]
    [InlineData("auto", "fp16", false)]
    [InlineData("fp16", "fp16", false)]
    [InlineData("bf16", "bf16", true)]
    [InlineData("fp32", "fp32", true)]
    public void The_utterance_and_layer_are_named_and_the_others_complete(string asked, string computed, bool fits)
    {
        string[] files = [.. _model.Utterances.Select(utterance => Recordings.WriteFloat(_folder.File($"{utterance.Id}.wav"), utterance.Samples.Span, format: Recordings.Wav | Recordings.Float))];
        string bad = _model.Utterances[_model.Overflowing].Id;

        Wavlm.Finished run = Extract(asked, "out", files);

        Assert.Equal(fits ? 0 : 1, run.ExitCode);
        JsonElement[] rows = [.. File.ReadLines(Path.Combine(_folder.Path, "out", "manifest.jsonl")).Select(static line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(_model.Utterances.Select(static utterance => utterance.Id), rows.Select(static row => row.GetProperty("id").GetString()));
        foreach (JsonElement row in rows)
        {
            string id = row.GetProperty("id").GetString()!;
            if (id == bad && !fits)
            {
                string error = row.GetProperty("error").GetString()!;
                Assert.Equal($"{id}: found a feature of layer 1 that is not finite, expected finite ones of finite audio; values beyond 65,504 overflow in fp16, so use --precision bf16 or fp32", error);
                Assert.Contains(error, run.Error, StringComparison.Ordinal);
                Assert.False(File.Exists(Path.Combine(_folder.Path, "out", $"{id}.npy")));
                continue;
            }
            Assert.Equal(computed, row.GetProperty("precision").GetString());
            Assert.All(Values("out", id), static value => Assert.True(float.IsFinite(value)));
        }
        if (fits) return;

        // Nothing of it is in its neighbours.
        Wavlm.Finished without = Extract(asked, "without", [.. files.Where(file => !file.EndsWith($"{bad}.wav", StringComparison.Ordinal))]);
        Assert.Equal(0, without.ExitCode);
        foreach (Waveform other in _model.Utterances.Where(utterance => utterance.Id != bad)) Assert.Equal(Values("without", other.Id), Values("out", other.Id));
    }

    [SkippableFact]
    public void The_library_gives_what_was_computed_and_tells_of_it()
    {
        _ = Needed.EmulatedDevice;
        using SpeechEncoder encoder = SpeechEncoder.Load(_model.Path, new EncoderOptions { Device = Device.Cuda() });
        LayerSelection all = LayerSelection.Parse("all", encoder.Config);
        float[] weights = [.. Enumerable.Repeat(1f, encoder.Config.Layers + 1)];

        Features[] whole = encoder.Encode(_model.Utterances, all, CancellationToken.None), pooled = encoder.Encode(_model.Utterances, all, Pooling.MeanAndDeviation, CancellationToken.None);
        float[][] sums = encoder.EncodeWeightedSum(_model.Utterances, weights);
        int[][] units = encoder.EncodeUnits(_model.Utterances, encoder.Config.Layers, new float[encoder.Config.Width]);

        for (int i = 0; i < whole.Length; i++)
        {
            int? layer = i == _model.Overflowing ? 1 : null;
            Assert.Equal((layer, layer), (whole[i].NonFiniteLayer, pooled[i].NonFiniteLayer));
            Assert.Equal(layer is null, sums[i].All(float.IsFinite));
            Assert.Equal(layer is null, !units[i].Contains(-1));
        }
    }

    private Wavlm.Finished Extract(string precision, string output, string[] files) => Wavlm.Run(
        [("WAVLM_CUDA_PATH", Needed.EmulatedDevice)],
        ["extract", "--device", "cuda", "--precision", precision, "--model", _model.Path, "--layers", "all", "--out", Path.Combine(_folder.Path, output), .. files]);

    private float[] Values(string output, string id) => Npy.Read(Path.Combine(_folder.Path, output, $"{id}.npy")).Values;

    /// <summary>wavlm-tiny with the first layer's inner weights made larger until float16 holds them for all utterances but one.</summary>
    public sealed class Model : IDisposable
    {
        private const string Inner = "encoder.layers.0.feed_forward.intermediate_dense.weight", Outer = "encoder.layers.0.feed_forward.output_dense.weight";

        private readonly TemporaryFolder _folder = new();

        public Model()
        {
            if (EmulatedDevice.Folder is null) return;
            EmulatedDevice.Reset();
            EmulatedDevice.SetInstrumented(false);
            // The result stays as it was, so that the other layers are given what they are used to.
            for (int factor = 1 << 10; Overflowing < 0; factor += factor / 8)
            {
                _folder.Dispose();
                _folder = new TemporaryFolder();
                TestWeights.Tiny().With(weights =>
                {
                    Scale(weights.Tensors[Inner].Values, factor);
                    Scale(weights.Tensors[Outer].Values, 1f / factor);
                }).WriteFolder(_folder);
                using SpeechEncoder encoder = SpeechEncoder.Load(Path, new EncoderOptions { Device = Device.Cuda(), Precision = Precision.Float16 });
                Features[] features = encoder.Encode(Utterances, LayerSelection.Parse("all", encoder.Config), CancellationToken.None);
                int[] overflowing = [.. Enumerable.Range(0, features.Length).Where(i => features[i].NonFiniteLayer is not null)];
                Assert.InRange(overflowing.Length, 0, Utterances.Length - 1);
                if (overflowing.Length == 1) Overflowing = overflowing[0];
            }
        }

        public string Path => _folder.Path;

        public Waveform[] Utterances { get; } = BatchInvariance.Noise([2_000, 3_000, 9_000, 5_000], seed: 61);

        /// <summary>The one among the utterances.</summary>
        public int Overflowing { get; private set; } = -1;

        public void Dispose() => _folder.Dispose();

        private static void Scale(float[] values, float by)
        {
            for (int i = 0; i < values.Length; i++) values[i] *= by;
        }
    }
}
