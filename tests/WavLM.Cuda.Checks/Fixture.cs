using System.Text.Json;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Checks;

/// <summary>A folder of tests/fixtures: a checkpoint, and what another implementation makes of it.</summary>
public sealed class Fixture
{
    private static readonly Lazy<string> RootFolder = new(FindRoot);
    private readonly string _folder;
    private readonly string _expected;
    private readonly Dictionary<string, int> _frameSteps = [];

    private Fixture(string name)
    {
        Name = name;
        _folder = Path.Combine(Root, name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "fixture.json")));
        JsonElement json = document.RootElement;
        ModelPath = Path.GetFullPath(Path.Combine(_folder, json.GetProperty("model").GetString()!));
        _expected = Path.GetFullPath(Path.Combine(_folder, json.TryGetProperty("expected", out JsonElement other) ? other.GetString()! : "expected.safetensors"));
        string convention = json.GetProperty("convention").GetString()!;
        Convention = FeatureConvention.TryParse(convention, out Convention known) ? known : throw new InvalidDataException($"{name}: unknown convention {convention}");
        Utterances = [.. json.GetProperty("utterances").EnumerateArray().Select(u => u.GetString()!)];
        if (json.TryGetProperty("frame_step", out JsonElement steps))
            foreach (JsonProperty step in steps.EnumerateObject()) _frameSteps.Add(step.Name, step.Value.GetInt32());
    }

    /// <summary>The folder tests/fixtures, found from where the program lies.</summary>
    public static string Root => RootFolder.Value;

    /// <summary>Every fixture of the repository, by name.</summary>
    public static IReadOnlyList<Fixture> All => [.. Directory.GetDirectories(Root)
        .Where(folder => File.Exists(Path.Combine(folder, "fixture.json")))
        .Select(folder => new Fixture(Path.GetFileName(folder))).OrderBy(f => f.Name, StringComparer.Ordinal)];

    public string Name { get; }

    /// <summary>The checkpoint's folder or file.</summary>
    public string ModelPath { get; }

    public Convention Convention { get; }

    public IReadOnlyList<string> Utterances { get; }

    /// <summary>The first layer that <see cref="Expected"/> has: torchaudio's list begins at layer 1.</summary>
    public int FirstLayer => Convention == Convention.Torchaudio ? 1 : 0;

    public static Fixture Named(string name) => new(name);

    /// <summary>The recording of an utterance, 16 kHz mono.</summary>
    public static string AudioPath(string utterance) => Path.Combine(Root, "audio", utterance + ".wav");

    /// <summary>Only frames 0, step, 2 step, ... of an utterance are kept; 1 where all are.</summary>
    public int FrameStep(string utterance) => _frameSteps.GetValueOrDefault(utterance, 1);

    /// <summary>Hidden states of an utterance from <see cref="FirstLayer"/> on, each [kept frames, width] row by row; see <see cref="FrameStep"/>.</summary>
    public float[][] Expected(string utterance)
    {
        using CheckpointFile file = CheckpointFile.Open(_expected);
        StoredTensor stored = SafetensorsReader.Read(file).Single(t => t.Name == utterance + ".hidden_states");
        var decoder = new TensorDecoder();
        var layers = new float[stored.Shape[0]][];
        for (int k = 0; k < layers.Length; k++)
        {
            StoredTensor layer = stored.Rows(stored.Name, k, 1);
            layers[k] = new float[layer.Count];
            decoder.Read(layer, layers[k]);
        }
        return layers;
    }

    public override string ToString() => Name;

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "fixtures");
            if (Directory.Exists(candidate)) return candidate;
        }
        throw new DirectoryNotFoundException($"no tests/fixtures above {AppContext.BaseDirectory}");
    }
}
