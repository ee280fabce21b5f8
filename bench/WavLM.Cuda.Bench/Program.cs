using System.Diagnostics;
using System.Text.Json;
using WavLM.Cuda;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Checkpoints;

string root = args[0];
Precision precision = args[1] == "bf16" ? Precision.BFloat16 : Precision.Float32;
double bound = precision == Precision.Float32 ? 1e-5 : 1.5e-2;
foreach (string name in args[2..])
{
    string folder = Path.Combine(root, name);
    using JsonDocument info = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "fixture.json")));
    using Checkpoint checkpoint = Checkpoint.Open(Path.GetFullPath(Path.Combine(folder, info.RootElement.GetProperty("model").GetString()!)));
    string conv = info.RootElement.GetProperty("convention").GetString()!;
    FeatureConvention convention = FeatureConvention.Resolve(conv switch { "hf" => Convention.HuggingFace, "unilm" => Convention.Unilm, "torchaudio" => Convention.Torchaudio, _ => Convention.S3prlHub }, checkpoint);
    using SpeechEncoder encoder = SpeechEncoder.Load(checkpoint, new EncoderOptions { Precision = precision, Convention = convention });
    string[] utterances = [.. info.RootElement.GetProperty("utterances").EnumerateArray().Select(u => u.GetString()!)];
    Waveform[] waves = [.. utterances.Select(u => Read(Path.Combine(root, "audio", u + ".wav"), u))];
    Features[] features = encoder.Encode(waves, LayerSelection.Parse("all", encoder.Config), default);
    byte[] raw = File.ReadAllBytes(Path.Combine(folder, "expected.safetensors"));
    int size = (int)BitConverter.ToInt64(raw);
    using JsonDocument header = JsonDocument.Parse(raw.AsMemory(8, size));
    for (int u = 0; u < waves.Length; u++)
    {
        if (!header.RootElement.TryGetProperty(utterances[u] + ".hidden_states", out JsonElement t)) continue;
        long from = t.GetProperty("data_offsets")[0].GetInt64(), layers = t.GetProperty("shape")[0].GetInt64(), per = t.GetProperty("shape")[1].GetInt64() * t.GetProperty("shape")[2].GetInt64();
        List<string> errors = [];
        double worst = 0;
        for (int l = 0; l < layers; l++)
        {
            int layer = conv == "torchaudio" ? l + 1 : l;
            ReadOnlySpan<float> got = features[u].Layer(layer);
            double num = 0, den = 0;
            for (int i = 0; i < per; i++) { double e = BitConverter.ToSingle(raw, (int)(8 + size + from + 4 * (l * per + i))); num += (got[i] - e) * (got[i] - e); den += e * e; }
            double err = Math.Sqrt(num / den); worst = Math.Max(worst, double.IsNaN(err) ? double.PositiveInfinity : err); errors.Add(err.ToString("0.0e0"));
        }
        Console.WriteLine($"{(worst <= bound ? "ok  " : "FAIL")} {name} {utterances[u]}: {string.Join(' ', errors)}");
    }
}
static Waveform Read(string path, string id) { byte[] raw = File.ReadAllBytes(path); 
  int fmt = BitConverter.ToInt16(raw, 20); int at = 12; while (System.Text.Encoding.ASCII.GetString(raw, at, 4) != "data") at += 8 + BitConverter.ToInt32(raw, at + 4); int n = BitConverter.ToInt32(raw, at + 4); at += 8;
  float[] s = fmt == 1 ? Enumerable.Range(0, n / 2).Select(i => BitConverter.ToInt16(raw, at + 2 * i) / 32768f).ToArray() : Enumerable.Range(0, n / 4).Select(i => BitConverter.ToSingle(raw, at + 4 * i)).ToArray(); return new Waveform(id, s); }
