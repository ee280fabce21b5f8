using System.Reflection;
using System.Text.Json;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Model;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Extraction;
using Fault = WavLM.Cuda.Checks.EmulatedDevice.Fault;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>A whole extraction on a device that is too small for it, or fails half-way.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class ExtractionFaultTests : IClassFixture<FaultModel>, IDisposable
{
    // What tells a batch that fits from one that does not: a tensor or two, beside the 32 MB that the matrix library gets.
    private const long Margin = 500_000;

    private static readonly Waveform[] Utterances = BatchInvariance.Noise([16_000, 3_000, 14_000, 9_000, 16_300, 120, 12_000], seed: 9);

    private readonly TemporaryFolder _folder = new();
    private readonly FaultModel _model;
    private readonly string[] _files;

    public ExtractionFaultTests(FaultModel model)
    {
        _model = model;
        _model.Begin();
        _files = [.. Utterances.Select(Write)];
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_that_does_not_fit_is_halved_and_no_bit_differs(bool knownBeforehand)
    {
        (Features[] expected, long alone, long together) = Measure(Utterances);
        Assert.True(together - alone > Margin, $"{together:N0} bytes together, {alone:N0} alone");

        (ExtractionResult result, int passes) = await Extract(room: (alone + together) / 2, knownBeforehand, _files);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, Utterances.Length, 0), result);
        Assert.InRange(passes, 3, 2 * Utterances.Length - 1);
        for (int i = 0; i < Utterances.Length; i++) AssertWritten(expected[i]);
        Leftovers.AssertNone("halved");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_utterance_that_does_not_fit_alone_fails_and_the_others_are_complete(bool knownBeforehand)
    {
        (Features[] expected, long alone, _) = Measure(Utterances);
        Waveform tooLong = BatchInvariance.Noise([60_000], seed: 10)[0];
        (_, long most, _) = Measure([tooLong]);
        Assert.True(most - alone > Margin, $"{most:N0} bytes, {alone:N0} for the longest of the others");

        (ExtractionResult result, _) = await Extract(room: (alone + most) / 2, knownBeforehand, [.. _files[..3], Write(tooLong), .. _files[3..]]);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, Utterances.Length, 1), result);
        JsonElement failed = Rows()[3];
        Assert.Equal(tooLong.Id, failed.GetProperty("id").GetString());
        Assert.Contains("too long for the device's memory, alone in its batch: Emulated sm_80 has no memory left", failed.GetProperty("error").GetString(), StringComparison.Ordinal);
        for (int i = 0; i < Utterances.Length; i++) AssertWritten(expected[i]);
        Leftovers.AssertNone("too long");
    }

    [Fact]
    public async Task A_launch_that_fails_and_leaves_the_device_alive_costs_no_utterance()
    {
        (Features[] expected, _, _) = Measure(Utterances);
        (ExtractionResult result, _) = await Extract(room: null, knownBeforehand: true, _files, beforePass: static pass =>
        {
            if (pass == 1) EmulatedDevice.Fail(Fault.Launch, nth: 9, forEver: false, (int)CuResult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
        });
        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, Utterances.Length, 0), result);
        for (int i = 0; i < Utterances.Length; i++) AssertWritten(expected[i]);
    }

    [Fact]
    public async Task A_device_that_is_lost_half_way_leaves_what_is_finished_and_the_next_run_is_whole()
    {
        (Features[] expected, _, _) = Measure(Utterances);
        (ExtractionResult result, _) = await Extract(room: null, knownBeforehand: true, _files, batchSeconds: 0.01, beforePass: static pass =>
        {
            if (pass == 4) EmulatedDevice.Fail(Fault.Launch, nth: 9, forEver: false, (int)CuResult.CUDA_ERROR_LAUNCH_FAILED);
        });
        Assert.Equal((ExtractionEnd.DeviceLost, 3, 0), (result.End, result.Done, result.Failed));
        Assert.Contains("CUDA_ERROR_LAUNCH_FAILED (719)", result.DeviceMessage, StringComparison.Ordinal);
        string[] finished = [.. Rows().Select(static row => row.GetProperty("id").GetString()!)];
        Assert.Equal(3, finished.Length);
        foreach (Features features in expected.Where(features => finished.Contains(features.Id))) AssertWritten(features);
        Leftovers.AssertNone("lost");

        Directory.Delete(Out(""), recursive: true);
        (result, _) = await Extract(room: null, knownBeforehand: true, _files);
        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, Utterances.Length, 0), result);
        foreach (Features features in expected) AssertWritten(features);
    }

    [Fact]
    public void The_command_says_3_when_the_device_is_lost_mid_run_and_2_when_it_is_lost_before()
    {
        Assert.Equal(0, Command().ExitCode);
        Assert.Equal(Utterances.Length, Rows().Length);
        long launches = EmulatedDevice.Count("launches");

        Assert.Equal(3, Lost(Fault.Launch, CuResult.CUDA_ERROR_LAUNCH_FAILED, nth: launches / 2));
        Assert.InRange(Rows().Length, 1, Utterances.Length - 1);
        Assert.All(Rows(), row => Assert.True(File.Exists(Out(row.GetProperty("output").GetString()!))));

        Assert.Equal(3, Lost(Fault.Launch, CuResult.CUDA_ERROR_LAUNCH_FAILED, nth: 1));
        Assert.Empty(Rows());

        Assert.Equal(2, Lost(Fault.Copy, CuResult.CUDA_ERROR_ILLEGAL_ADDRESS, nth: 1));
        Assert.False(File.Exists(Out("manifest.jsonl")));

        int Lost(Fault kind, CuResult code, long nth)
        {
            Directory.Delete(Out(""), recursive: true);
            EmulatedDevice.Fail(kind, nth, forEver: false, (int)code);
            (int exitCode, string error) = Command();
            EmulatedDevice.ClearFaults();
            Assert.Contains($"wavlm: the CUDA device was lost: {code} ({code:D})", error, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
            Leftovers.AssertNone($"{kind} {nth}");
            return exitCode;
        }
    }

    // In this process: nobody but a test can make a device fail, and it is the process's own.
    private (int ExitCode, string Error) Command()
    {
        TextWriter before = Console.Error;
        using StringWriter error = new();
        Console.SetError(error);
        try
        {
            string[] arguments = ["extract", "--model", _model.PathOf(preNorm: false), "--out", Out(""), "--device", "cuda", "--precision", "fp32", "--batch-seconds", "1", .. _files];
            return ((int)Assembly.Load("wavlm").EntryPoint!.Invoke(null, [arguments])!, error.ToString());
        }
        finally
        {
            Console.SetError(before);
        }
    }

    /// <summary>Features of each alone, the most memory that one needs, and what all of them need together.</summary>
    private (Features[] Features, long Alone, long Together) Measure(Waveform[] utterances)
    {
        using SpeechEncoder encoder = _model.Load(preNorm: false, recorded: true);
        Features[] features = [.. utterances.Select(utterance => encoder.Encode([utterance], FaultModel.All, CancellationToken.None)[0])];
        long alone = ((CudaBackend)encoder.Backend).Memory.PeakBytes;
        if (utterances.Length > 1) encoder.Encode(utterances, FaultModel.All, CancellationToken.None);
        return (features, alone, ((CudaBackend)encoder.Backend).Memory.PeakBytes);
    }

    /// <param name="room">The device's memory; null for plenty.</param>
    /// <param name="knownBeforehand">Whether the device has no more from the start, so the budget says so; else it runs out under way.</param>
    /// <param name="files">Recordings.</param>
    /// <param name="batchSeconds">Of a batch; all of them where nothing else is asked for.</param>
    /// <param name="beforePass">Gets the number of each pass, from 1.</param>
    private async Task<(ExtractionResult Result, int Passes)> Extract(long? room, bool knownBeforehand, string[] files, double batchSeconds = 120, Action<int>? beforePass = null)
    {
        // A budget is seven eighths of so little memory.
        if (room is long most && knownBeforehand) EmulatedDevice.SetMemory(most * 8 / 7);
        using SpeechEncoder encoder = _model.Load(preNorm: false, recorded: true);
        if (room is long rest && !knownBeforehand) EmulatedDevice.SetMemory(rest);
        CountingEncoder counting = new(encoder, beforePass);
        FeatureSettings settings = new()
        {
            Convention = "hf", Normalised = false, NormalisationEpsilon = null, NormalisationSource = "preprocessor_config.json",
            FinalNorm = null, Precision = Precision.Float32, ModelSha256 = "abc", DeviceSet = encoder.DeviceSet,
        };
        ExtractionPlan plan = ExtractionPlan.Make(AudioInputs.Find(files), ChannelSelection.Mean, encoder.Config, FaultModel.All, default);
        ExtractionResult result = await new ExtractionRun(counting, plan, OutputFolder.Open(Out("")), settings, batchSeconds, new Silent())
            .RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        return (result, counting.Passes);
    }

    private string Write(Waveform utterance)
        => Recordings.WriteFloat(_folder.File($"{utterance.Id}.wav"), utterance.Samples.Span, format: Recordings.Wav | Recordings.Float);

    private string Out(string name) => Path.Combine(_folder.Path, "out", name);

    private JsonElement[] Rows() => [.. File.ReadLines(Out("manifest.jsonl")).Select(static line => JsonDocument.Parse(line).RootElement)];

    private void AssertWritten(Features expected)
    {
        float[] values = [.. expected.Layers.SelectMany(layer => expected.Layer(layer).ToArray())];
        Assert.True(values.AsSpan().SequenceEqual(Npy.Read(Out($"{expected.Id}.npy")).Values), $"{expected.Id} differs");
    }

    /// <summary>An encoder whose passes are counted.</summary>
    private sealed class CountingEncoder(SpeechEncoder encoder, Action<int>? beforePass) : IFeatureEncoder
    {
        public EncoderConfig Config => encoder.Config;

        public int Passes { get; private set; }

        public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
        {
            Passes++;
            beforePass?.Invoke(Passes);
            return encoder.Encode(batch, layers, cancellationToken);
        }
    }

    private sealed class Silent : IExtractionObserver
    {
        public void Warned(string message)
        {
        }

        public void Finished(ManifestRow row)
        {
        }
    }
}
