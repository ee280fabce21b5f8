using System.Security.Cryptography;
using System.Text.Json;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Tests.Audio;

namespace WavLM.Cuda.Tests.Extraction;

public sealed class ExtractionRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeEncoder _encoder = new();
    private readonly Recorder _recorder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task One_layer_is_a_matrix_and_its_row_says_all()
    {
        float[] samples = Noise(16_000, seed: 1);
        string source = Write("in/ä b.wav", samples);

        ExtractionResult result = await Extract("last", source);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, 1, 0), result);
        Npy npy = Npy.Read(Out("ä b.npy"));
        Assert.Equal([49, 4], npy.Shape);
        Assert.Equal(_encoder.Of(new("", samples), LayerSelection.Parse("last", _encoder.Config)).Layer(3).ToArray(), npy.Values);
        string expected = $$$"""
            {"id":"ä b","source":"{{{source}}}","channel":"mean","samples":16000,"source_rate":16000,"frames":49,"dim":4,"layers":[3],"dtype":"f32",
            "convention":"hf","normalised":{"decision":true,"eps":1E-07,"source":"preprocessor_config.json"},"final_norm":null,"precision":"fp32",
            "model":"abc","device_set":"a cpu","output":"ä b.npy","sha256":"{{{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Out("ä b.npy"))))}}}"}
            """.ReplaceLineEndings("");
        Assert.Equal(expected + "\n", File.ReadAllText(Out("manifest.jsonl")));
    }

    [Fact]
    public async Task Several_layers_are_a_cube_in_ascending_order()
    {
        float[] samples = Noise(1_039, seed: 1);

        await Extract("2,0", Write("a.wav", samples));

        Npy npy = Npy.Read(Out("a.npy"));
        LayerSelection layers = LayerSelection.Parse("0,2", _encoder.Config);
        Features expected = _encoder.Of(new("", samples), layers);
        Assert.Equal([2, 2, 4], npy.Shape);
        Assert.Equal([.. expected.Layer(0), .. expected.Layer(2)], npy.Values);
    }

    [Fact]
    public async Task Bad_inputs_fail_by_name_and_the_others_are_done()
    {
        string empty = _folder.File("empty.wav");
        File.WriteAllBytes(empty, []);
        string[] inputs =
        [
            Write("first.wav", Noise(4_000)), empty, Write("short.wav", Noise(399)), _folder.File("missing.wav"), Write("nan.wav", [.. Noise(900), float.NaN]),
            Write("enough.wav", Noise(400)), _folder.File("what.xyz"),
        ];
        File.WriteAllText(inputs[^1], "?");

        ExtractionResult result = await Extract("last", inputs);

        Assert.Equal((2, 5), (result.Done, result.Failed));
        JsonElement[] rows = Rows();
        Assert.Equal(["first", "empty", "short", "missing", "nan", "enough", "what"], rows.Select(Id));
        Assert.Contains("empty (0 bytes)", Error(rows[1]));
        Assert.Contains("too short: found 399 samples at 16 kHz, expected at least the 400", Error(rows[2]));
        Assert.Contains("no such file", Error(rows[3]));
        Assert.Contains("sample 900 (0.056 s) is NaN", Error(rows[4]));
        Assert.Contains("found the extension '.xyz'", Error(rows[6]));
        Assert.Equal(["id", "source", "error"], rows[1].EnumerateObject().Select(p => p.Name));
        Assert.Equal(["enough.npy", "first.npy", "manifest.jsonl"], Files());
        Assert.Equal(1, Npy.Read(Out("enough.npy")).Shape[0]);
        Assert.Equal(5, _recorder.Rows.Count(r => r.Error is not null));
    }

    [Fact]
    public async Task Rows_stand_in_input_order_whatever_the_batches_were()
    {
        Random random = new(7);
        for (int i = 0; i < 150; i++) Write($"in/{i:000}.wav", Noise(random.Next(400, 32_000), i));

        ExtractionResult result = await Extract("last", _folder.File("in/"), batchSeconds: 5);

        Assert.Equal(150, result.Done);
        Assert.Equal(Enumerable.Range(0, 150).Select(i => $"{i:000}"), Rows().Select(Id));
        Assert.Contains(_encoder.Batches, batch => !batch.SequenceEqual(batch.Order()));
        Assert.All(_encoder.Batches, batch => Assert.InRange(batch.Length, 1, 64));
        Assert.All(Rows(), row => Assert.Equal(Npy.Read(Out(Id(row) + ".npy")).Shape[0], row.GetProperty("frames").GetInt32()));
    }

    [Fact]
    public async Task Each_channel_is_an_utterance_and_a_failing_file_one_row()
    {
        float[] stereo = [.. Enumerable.Range(0, 8_000).SelectMany(i => new[] { i / 8_000f, -0.5f })];
        string good = Recordings.WriteFloat(_folder.File("call.wav"), stereo, 8_000, 2, Recordings.Wav | Recordings.Float);
        stereo[100] = float.PositiveInfinity;
        string bad = Recordings.WriteFloat(_folder.File("bad.wav"), stereo, 8_000, 2, Recordings.Wav | Recordings.Float);

        ExtractionResult result = await Extract("0", [bad, good, Write("mono.wav", Noise(800))], ChannelSelection.Each);

        Assert.Equal((3, 1), (result.Done, result.Failed));
        JsonElement[] rows = Rows();
        Assert.Equal(["bad", "call-ch0", "call-ch1", "mono-ch0"], rows.Select(Id));
        Assert.Contains("sample 50 of channel 0", Error(rows[0]));
        Assert.Equal(1, rows[2].GetProperty("channel").GetInt32());
        Assert.Equal((16_000, 8_000), (rows[2].GetProperty("samples").GetInt32(), rows[2].GetProperty("source_rate").GetInt32()));
        Assert.InRange(Npy.Read(Out("call-ch1.npy")).Values[100], -0.501f, -0.499f);
        Assert.Empty(_recorder.Warnings);
    }

    [Fact]
    public async Task Averaging_warns_once()
    {
        string[] inputs = [.. "ab".Select(c => Recordings.WriteFloat(_folder.File($"{c}.wav"), Noise(2_000), channels: 2)), Write("c.wav", Noise(500))];

        await Extract("last", inputs);

        Assert.Contains("2 of 3 files have more than one channel, which are averaged", Assert.Single(_recorder.Warnings));
    }

    [Fact]
    public async Task Ids_with_folders_make_sub_folders()
    {
        Write("in/a/x.wav", Noise(500));
        Write("in/b/c/x.wav", Noise(500));

        await Extract("last", _folder.File("in/"));

        Assert.Equal(["a/x.npy", "b/c/x.npy", "manifest.jsonl"], Files());
        Assert.Equal(["a/x.npy", "b/c/x.npy"], Rows().Select(row => row.GetProperty("output").GetString()));
    }

    [Fact]
    public async Task Features_that_are_not_finite_are_an_error_and_no_file()
    {
        _encoder.NonFinite = ("b", 2);

        ExtractionResult result = await Extract("0,2,3", Write("a.wav", Noise(500)), Write("b.wav", Noise(500)));

        Assert.Equal((1, 1), (result.Done, result.Failed));
        Assert.Contains("b: found a feature of layer 2 that is not finite", Error(Rows()[1]));
        Assert.Equal(["a.npy", "manifest.jsonl"], Files());
    }

    [Fact]
    public async Task A_batch_too_large_for_the_device_is_halved_until_it_fits()
    {
        _encoder.OnEncode = (batch, _) =>
        {
            if (batch.Count > 2 || batch[0].Samples.Length > 5_000) throw new DeviceMemoryException($"{batch.Count} utterances are too many");
        };

        ExtractionResult result = await Extract("last", [.. Enumerable.Range(0, 7).Select(i => Write($"{i}.wav", Noise(1_000 + 1_000 * i)))]);

        Assert.Equal((5, 2), (result.Done, result.Failed));
        Assert.Equal([7, 3, 1, 2, 1, 1, 4, 2, 2], _encoder.Batches.Select(b => b.Length));
        Assert.Contains("too long for the device's memory", Error(Rows()[6]));
    }

    [Fact]
    public async Task Of_a_batch_that_fails_the_one_at_fault_fails_alone()
    {
        _encoder.OnEncode = (batch, _) => { if (batch.Any(w => w.Id == "b")) throw new InvalidOperationException("a bad tile"); };

        ExtractionResult result = await Extract("last", [Write("a.wav", Noise(8_000)), Write("b.wav", Noise(8_000)), Write("c.wav", Noise(8_000))]);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, 2, 1), result);
        Assert.Equal([["a", "b", "c"], ["a"], ["b"], ["c"]], _encoder.Batches);
        Assert.Equal("the encoder failed: a bad tile", Error(Rows()[1]));
    }

    [Fact]
    public async Task Samples_that_overflow_when_they_are_resampled_fail_their_own_file()
    {
        string huge = Recordings.WriteFloat(_folder.File("huge.wav"), [.. Enumerable.Range(0, 48_000).Select(i => i / 50 % 2 == 0 ? 3.4e38f : -3.4e38f)], rate: 48_000, format: Recordings.Wav | Recordings.Float);

        ExtractionResult result = await Extract("last", [huge, Write("ok.wav", Noise(8_000))]);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, 1, 1), result);
        Assert.Contains("not finite once resampled from 48000 Hz", Error(Rows()[0]));
    }

    [Fact]
    public async Task One_batch_that_fails_does_not_end_the_run()
    {
        _encoder.OnEncode = (batch, _) => { if (batch.Any(w => w.Id == "b")) throw new InvalidOperationException("a bad tile"); };

        ExtractionResult result = await Extract("last", [Write("a.wav", Noise(8_000)), Write("b.wav", Noise(16_000)), Write("c.wav", Noise(8_000))], batchSeconds: 0.6);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Complete, 2, 1), result);
        Assert.Equal("the encoder failed: a bad tile", Error(Rows()[1]));
    }

    [Fact]
    public async Task A_lost_device_ends_the_run_with_what_is_finished()
    {
        _encoder.OnEncode = (batch, _) => { if (batch[0].Id == "c") throw new DeviceLostException("fell off the bus"); };
        string[] inputs = [.. "abcd".Select((c, i) => Write($"{c}.wav", Noise(16_000 - 1_000 * i)))];

        ExtractionResult result = await Extract("last", inputs, batchSeconds: 0.1);

        Assert.Equal(new ExtractionResult(ExtractionEnd.DeviceLost, 2, 0, "fell off the bus"), result);
        Assert.Equal(["a", "b"], Rows().Select(Id));
        Assert.Equal(["a.npy", "b.npy", "manifest.jsonl"], Files());
    }

    [Fact]
    public async Task A_stop_begins_no_new_batch_and_writes_the_finished_ones()
    {
        using CancellationTokenSource stop = new();
        _encoder.OnEncode = (batch, cancellation) =>
        {
            if (batch[0].Id != "b") return;
            stop.Cancel();
            Assert.True(cancellation.IsCancellationRequested);   // and this batch, all but computed, is finished
        };
        // Longest first: d, then b; a and c never run.
        string[] inputs = [Write("a.wav", Noise(1_000)), Write("b.wav", Noise(9_000)), Write("c.wav", Noise(2_000)), Write("d.wav", Noise(10_000))];

        ExtractionResult result = await Extract("last", inputs, batchSeconds: 0.2, stop: stop.Token);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Stopped, 2, 0), result);
        Assert.Equal([["d"], ["b"]], _encoder.Batches);
        Assert.Equal(["b", "d"], Rows().Select(Id));
        Assert.Equal(["b.npy", "d.npy", "manifest.jsonl"], Files());
    }

    [Fact]
    public async Task A_batch_that_is_cancelled_inside_leaves_nothing()
    {
        using CancellationTokenSource stop = new();
        _encoder.OnEncode = (_, cancellation) =>
        {
            stop.Cancel();
            cancellation.ThrowIfCancellationRequested();
        };

        ExtractionResult result = await Extract("last", [Write("a.wav", Noise(1_000))], stop: stop.Token);

        Assert.Equal(new ExtractionResult(ExtractionEnd.Stopped, 0, 0), result);
        Assert.Equal("", File.ReadAllText(Out("manifest.jsonl")));
    }

    [Fact]
    public async Task The_manifest_holds_whole_rows_at_every_moment()
    {
        for (int i = 0; i < 40; i++) Write($"in/{i:00}.wav", Noise(500, i));
        int seen = 0;
        _encoder.OnEncode = (_, _) =>
        {
            string text = File.ReadAllText(Out("manifest.jsonl"));
            Assert.True(text.Length == 0 || text.EndsWith("}\n", StringComparison.Ordinal));
            string[] ids = [.. Rows().Select(Id)];
            Assert.Equal(Enumerable.Range(0, ids.Length).Select(i => $"{i:00}"), ids);
            Assert.All(ids, id => Npy.Read(Out(id + ".npy")));
            seen = Math.Max(seen, ids.Length);
            Thread.Sleep(5);
        };

        ExtractionResult result = await Extract("last", _folder.File("in/"), batchSeconds: 0.01);

        Assert.Equal((40, 0), (result.Done, result.Failed));
        Assert.Equal(40, Rows().Length);
        Assert.InRange(seen, 5, 39);
    }

    [Fact]
    public async Task Features_that_cannot_be_written_fail_their_input_alone()
    {
        Directory.CreateDirectory(_folder.File("out/a.npy/"));

        ExtractionResult result = await Extract("last", Write("a.wav", Noise(500)), Write("b.wav", Noise(500)));

        Assert.Equal((1, 1), (result.Done, result.Failed));
        Assert.Contains("its features can't be written", Error(Rows()[0]));
    }

    [Fact]
    public void The_estimate_is_the_bytes_that_will_be_written()
    {
        string[] inputs = [Write("a.wav", Noise(16_000)), Recordings.WriteFloat(_folder.File("b.flac"), Noise(48_000), 48_000), _folder.File("missing.wav")];

        ExtractionPlan plan = Plan("all", inputs, ChannelSelection.Mean);

        Assert.Equal(2 * (128 + 4 * 49 * 4 * 4), plan.OutputBytes);
        Assert.Equal(2, plan.Seconds);
        Assert.Equal(3, plan.Rows);
    }

    private Task<ExtractionResult> Extract(string layers, params string[] inputs) => Extract(layers, inputs, null);

    private Task<ExtractionResult> Extract(string layers, string input, double batchSeconds) => Extract(layers, [input], null, batchSeconds);

    private Task<ExtractionResult> Extract(string layers, string[] inputs, ChannelSelection? channel = null, double batchSeconds = 120, CancellationToken stop = default)
    {
        FeatureSettings settings = new()
        {
            Convention = "hf", Normalised = true, NormalisationEpsilon = 1e-7, NormalisationSource = "preprocessor_config.json",
            FinalNorm = null, Precision = Precision.Float32, ModelSha256 = "abc", DeviceSet = "a cpu",
        };
        ExtractionRun run = new(_encoder, Plan(layers, inputs, channel ?? ChannelSelection.Mean), OutputFolder.Open(_folder.File("out/")), settings, batchSeconds, _recorder);
        return run.RunAsync(stop).WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
    }

    private ExtractionPlan Plan(string layers, string[] inputs, ChannelSelection channel)
        => ExtractionPlan.Make(AudioInputs.Find(inputs), channel, _encoder.Config, LayerSelection.Parse(layers, _encoder.Config), default);

    private string Write(string name, float[] samples) => Recordings.WriteFloat(_folder.File(name), samples, format: Recordings.Wav | Recordings.Float);

    private string Out(string name) => Path.Combine(_folder.Path, "out", name);

    private string[] Files() => [.. Directory.GetFiles(Out(""), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Out(""), f)).Order(StringComparer.Ordinal)];

    private JsonElement[] Rows() => [.. File.ReadLines(Out("manifest.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Id(JsonElement row) => row.GetProperty("id").GetString()!;

    private static string Error(JsonElement row) => row.GetProperty("error").GetString()!;

    private static float[] Noise(int samples, int seed = 0)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, samples).Select(_ => (float)(random.NextDouble() - 0.5))];
    }

    private sealed class Recorder : IExtractionObserver
    {
        public List<string> Warnings { get; } = [];

        public List<ManifestRow> Rows { get; } = [];

        public void Warned(string message) => Warnings.Add(message);

        public void Finished(ManifestRow row) => Rows.Add(row);
    }
}
