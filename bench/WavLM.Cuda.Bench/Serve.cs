using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Bench;

/// <summary>
/// The engine as a contestant of bench/peers: one JSON object a line in, one out. It stays loaded between runs, and a run is
/// timed from waveforms in memory to features in memory.
/// </summary>
internal sealed class Serve : IDisposable
{
    private readonly Dictionary<string, float[]> _waveforms = [];
    private SpeechEncoder? _encoder;
    private double _batchSeconds;

    public static int Run(TextReader requests, TextWriter answers)
    {
        using Serve serve = new();
        while (requests.ReadLine() is { } line)
        {
            JsonNode request = JsonNode.Parse(line)!;
            if ((string?)request["op"] == "quit") break;
            JsonObject answer;
            try
            {
                answer = serve.Answer(request);
            }
#pragma warning disable CA1031 // the comparison prints it and stops
            catch (Exception e)
#pragma warning restore CA1031
            {
                answer = new JsonObject { ["error"] = e.Message };
            }
            answers.WriteLine(answer.ToJsonString());
            answers.Flush();
        }
        return 0;
    }

    public void Dispose() => _encoder?.Dispose();

    private JsonObject Answer(JsonNode request) => (string?)request["op"] switch
    {
        "load" => Load(request),
        "run" => Encode(request),
        string other => throw new JsonException($"no operation '{other}', expected load, run or quit"),
        null => throw new JsonException("no operation, expected load, run or quit"),
    };

    private JsonObject Load(JsonNode request)
    {
        _encoder?.Dispose();
        _encoder = null;
        _encoder = SpeechEncoder.Load((string)request["model"]!, new EncoderOptions
        {
            Device = Device.Parse((string)request["device"]!),
            Precision = Precisions.Parse((string)request["precision"]!),
            Threads = (int)request["threads"]!,
        });
        _batchSeconds = (double?)request["batch_seconds"] ?? ExtractionRun.UsualBatchSeconds(_encoder.Device);
        return new JsonObject { ["ok"] = true, ["name"] = "WavLM.Cuda", ["machine"] = JsonSerializer.SerializeToNode(MachineFacts.Of(_encoder, (int)request["threads"]!), BenchResultsJson.Default.Machine) };
    }

    private JsonObject Encode(JsonNode request)
    {
        SpeechEncoder encoder = _encoder ?? throw new InvalidOperationException("run before load");
        long[] lengths = [.. request["lengths"]!.AsArray().Select(length => (long)length!)];
        Waveform[] utterances = Utterances((string)request["waveforms"]!, lengths);
        LayerSelection layer = LayerSelection.Parse(((int)request["layer"]!).ToString(System.Globalization.CultureInfo.InvariantCulture), encoder.Config);

        var features = new Features[utterances.Length];
        Stopwatch watch = Stopwatch.StartNew();
        foreach (List<int> batch in new BatchPlanner(encoder.Config, _batchSeconds).Plan(Enumerable.Range(0, lengths.Length), i => lengths[i]))
        {
            Features[] encoded = encoder.Encode([.. batch.Select(i => utterances[i])], layer, CancellationToken.None);
            for (int i = 0; i < batch.Count; i++) features[batch[i]] = encoded[i];
        }
        watch.Stop();

        if ((string?)request["output"] is { Length: > 0 } output)
        {
            using FileStream stream = File.Create(output);
            foreach (Features utterance in features) stream.Write(MemoryMarshal.AsBytes(utterance.Layer(layer.Layers[0])));
        }
        return new JsonObject { ["seconds"] = watch.Elapsed.TotalSeconds };
    }

    private Waveform[] Utterances(string path, long[] lengths)
    {
        if (!_waveforms.TryGetValue(path, out float[]? samples))
            _waveforms.Add(path, samples = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(path)).ToArray());
        var utterances = new Waveform[lengths.Length];
        int first = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            utterances[i] = new Waveform($"{i}", samples.AsMemory(first, (int)lengths[i]));
            first += (int)lengths[i];
        }
        return utterances;
    }
}
