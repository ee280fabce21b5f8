using System.Text.Json;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Extraction;

namespace WavLM.Cuda.Tests.Cli;

public sealed class ExtractCommandTests(TinyModel tiny) : IClassFixture<TinyModel>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Features_are_the_librarys_and_the_row_names_model_and_convention()
    {
        string source = Write("speech.wav", 24_000);

        Wavlm.Finished run = Extract("--layers", "0,2", source);

        Assert.Equal((0, ""), (run.ExitCode, run.Output));
        Npy npy = Npy.Read(Out("speech.npy"));
        Assert.Equal([2, 74, 64], npy.Shape);
        using SpeechEncoder encoder = SpeechEncoder.Load(tiny.Model, new EncoderOptions { Device = Device.Cpu });
        using AudioFile file = AudioFile.Open(source);
        Features expected = encoder.Encode(file.Read(ChannelSelection.Mean)[0], LayerSelection.Parse("0,2", encoder.Config));
        Assert.Equal([.. expected.Layer(0), .. expected.Layer(2)], npy.Values);
        JsonElement row = Assert.Single(Rows());
        Assert.Equal(
            ["id", "source", "channel", "samples", "source_rate", "frames", "dim", "layers", "dtype", "convention", "normalised", "final_norm", "precision", "model", "device_set", "output", "sha256"],
            row.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("hf", "fp32", 64), (row.GetProperty("convention").GetString(), row.GetProperty("precision").GetString(), row.GetProperty("model").GetString()!.Length));
        Assert.False(row.GetProperty("normalised").GetProperty("decision").GetBoolean());
        Assert.Equal("preprocessor_config.json", row.GetProperty("normalised").GetProperty("source").GetString());
        Assert.Contains("will be written", run.Error);
    }

    [Fact]
    public void Bad_inputs_are_named_and_the_others_complete()
    {
        string empty = _folder.File("empty.wav"), text = _folder.File("notes.txt");
        File.WriteAllText(empty, "");
        File.WriteAllText(text, "not audio");
        Directory.CreateDirectory(_folder.File("silence/"));

        Wavlm.Finished run = Extract(Write("good.wav", 4_000), empty, text, Write("short.wav", 399), _folder.File("missing.wav"), _folder.File("silence"),
            Recordings.WriteFloat(_folder.File("nan.wav"), [.. new float[500], float.NaN], format: Recordings.Wav | Recordings.Float));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("empty.wav: empty (0 bytes), expected audio", run.Error);
        Assert.Contains("notes.txt: found the extension '.txt', expected .wav", run.Error);
        Assert.Contains("short.wav: too short: found 399 samples", run.Error);
        Assert.Contains("missing.wav: no such file", run.Error);
        Assert.Contains("silence: a folder without audio", run.Error);
        Assert.Contains("nan.wav: sample 500 (0.031 s) is NaN", run.Error);
        Assert.Contains("1 utterance written", run.Error);
        Assert.Equal(["good.npy", "manifest.jsonl"], Directory.GetFiles(Out("")).Select(Path.GetFileName).Order());
        Assert.Equal(7, Rows().Length);
    }

    [Fact]
    public void If_all_inputs_fail_the_code_is_one()
    {
        Wavlm.Finished run = Extract(_folder.File("missing.wav"));

        Assert.Equal(1, run.ExitCode);
        Assert.Single(Rows());
    }

    [Theory]
    [InlineData("--layers '3': found 3, expected 0..2", "--layers", "3")]
    [InlineData("--layers 'first'", "--layers", "first")]
    [InlineData("--device tpu: expected auto, cpu, cuda or cuda:N", "--device", "tpu")]
    [InlineData("--device cuda:x: expected auto, cpu, cuda or cuda:N", "--device", "cuda:x")]
    [InlineData("wavlm: precision fp16 is computed on CUDA alone; the CPU computes in fp32, bf16 or int8", "--precision", "fp16")]
    [InlineData("--precision int4: expected auto, fp32, fp16, bf16 or int8", "--precision", "int4")]
    [InlineData("--convention espnet: expected hf", "--convention", "espnet")]
    [InlineData("--normalize yes: expected auto, on or off", "--normalize", "yes")]
    [InlineData("--final-norm 1: expected auto, on or off", "--final-norm", "1")]
    [InlineData("--channel 'left': expected mean, each or a channel's number", "--channel", "left")]
    [InlineData("--threads 0: expected 1 or more", "--threads", "0")]
    [InlineData("--batch-seconds 0: expected seconds above 0", "--batch-seconds", "0")]
    [InlineData("--batch-seconds NaN: expected seconds above 0", "--batch-seconds", "NaN")]
    [InlineData("'--threads'", "--threads", "many")]
    [InlineData("--percision: no such option", "--percision", "bf16")]
    public void What_cannot_be_asked_for_is_refused_before_anything_runs(string words, params string[] options)
    {
        Wavlm.Finished run = Extract([.. options, Write("a.wav", 4_000)]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(words, run.Error);
        Assert.False(File.Exists(Out("manifest.jsonl")));
    }

    [Fact]
    public void Equal_ids_an_unwritable_folder_and_no_input_are_refused()
    {
        string a = Write("one/a.wav", 4_000), b = Write("two/a.wav", 4_000);

        Wavlm.Finished equal = Extract(a, b);
        Wavlm.Finished blocked = Wavlm.Run("extract", "--model", tiny.Model, "--out", Path.Combine(a, "out"), b);
        Wavlm.Finished none = Extract();

        Assert.Equal((2, 2, 2), (equal.ExitCode, blocked.ExitCode, none.ExitCode));
        Assert.Contains("the id 'a' is found twice", equal.Error);
        Assert.Contains("it can't be written", blocked.Error);
        Assert.Contains("see wavlm extract --help", none.Error);
    }

    [Fact]
    public void A_model_that_cannot_be_used_is_refused_in_one_line()
    {
        string input = Write("a.wav", 4_000), config = _folder.File("model/config.json"), weights = _folder.File("model/model.safetensors");
        void AssertRefused(params string[] words)
        {
            Wavlm.Finished run = Wavlm.Run("extract", "--device", "cpu", "--model", Path.GetDirectoryName(config)!, "--out", Out(""), input);
            Assert.Equal(2, run.ExitCode);
            string line = Assert.Single(run.Error.TrimEnd().Split('\n'));
            Assert.All(words, word => Assert.Contains(word, line));
        }

        File.Copy(Path.Combine(tiny.Model, "config.json"), config);
        AssertRefused("found no weights");

        File.Copy(Path.Combine(tiny.Model, "model.safetensors"), weights);
        Recordings.CutShort(weights, 0.7);
        AssertRefused(weights, "fetch");

        File.WriteAllText(config, """{"model_type": "bert", "hidden_size": 64}""");
        AssertRefused(config, "bert");
    }

    [Fact]
    public void Each_channel_gets_an_id()
    {
        string call = Recordings.WriteFloat(_folder.File("call.flac"), Noise(2 * 8_000), 8_000, channels: 2);

        Wavlm.Finished each = Extract("--channel", "each", call);

        Assert.Equal(0, each.ExitCode);
        Assert.Equal(["call-ch0", "call-ch1"], Rows().Select(row => row.GetProperty("id").GetString()));
        Assert.NotEqual(File.ReadAllBytes(Out("call-ch0.npy")), File.ReadAllBytes(Out("call-ch1.npy")));

        Wavlm.Finished mean = Extract(call);
        Assert.Contains("warning: 1 of 1 files have more than one channel, which are averaged", mean.Error);

        Wavlm.Finished third = Extract("--channel", "2", call);
        Assert.Equal(1, third.ExitCode);
        Assert.Contains("found 2 channels, channel 2 was asked for", third.Error);
    }

    private Wavlm.Finished Extract(params string[] arguments) => Wavlm.Run(
        ["extract", "--model", tiny.Model, "--out", Out(""), .. arguments.Contains("--device") ? (string[])[] : ["--device", "cpu"], .. arguments]);

    private string Write(string name, int samples) => Recordings.WriteFloat(_folder.File(name), Noise(samples), format: Recordings.Wav | Recordings.Float);

    private string Out(string name) => Path.Combine(_folder.Path, "out", name);

    private JsonElement[] Rows() => [.. File.ReadLines(Out("manifest.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    private static float[] Noise(int samples)
    {
        Random random = new(samples);
        return [.. Enumerable.Range(0, samples).Select(_ => (float)(random.NextDouble() - 0.5))];
    }
}
