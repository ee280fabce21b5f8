namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// Settings in a pickle by their names: a plain dict, an argparse.Namespace (its state), or omegaconf's nodes (their _content and
/// _val). Values are looked up one by one, since nodes refer back to their parents.
/// </summary>
internal sealed class PickleSettings
{
    private const int MaxWrappers = 8;
    private readonly string _path;
    private readonly PickleDict[] _dicts;

    private PickleSettings(string path, PickleDict[] dicts)
    {
        _path = path;
        _dicts = dicts;
    }

    /// <summary>The settings in <paramref name="values"/>; where several have a name, the first counts. Null where none holds settings.</summary>
    public static PickleSettings? From(string path, params IEnumerable<PickleValue?> values)
    {
        PickleDict[] dicts = [.. values.Select(Unwrap).OfType<PickleDict>()];
        // fairseq nests: the encoder's settings under model, the waveform's under task.
        dicts = [.. dicts, .. dicts.SelectMany(d => new[] { Unwrap(d["model"]), Unwrap(d["task"]) }).OfType<PickleDict>()];
        return dicts.Length == 0 ? null : new PickleSettings(path, dicts);
    }

    /// <summary>The value behind omegaconf's and argparse's wrappers; null for none.</summary>
    public static PickleValue? Unwrap(PickleValue? value)
    {
        for (int i = 0; i < MaxWrappers && value is PickleOpaque opaque; i++)
        {
            if (opaque.State is not PickleDict state) return null;
            value = state["_content"] ?? state["_val"] ?? (opaque.Name == "argparse.Namespace" ? state : null);
        }
        return value;
    }

    public string? Text(string key) => Find(key) switch
    {
        null => null,
        string text => text,
        object other => throw Wrong(key, other, "text"),
    };

    public bool Flag(string key, bool otherwise) => Find(key) switch
    {
        null => otherwise,
        bool flag => flag,
        object other => throw Wrong(key, other, "True or False"),
    };

    public int Integer(string key, int otherwise) => Find(key) switch
    {
        null => otherwise,
        long and >= int.MinValue and <= int.MaxValue and var number => (int)number,
        object other => throw Wrong(key, other, "a whole number"),
    };

    private object? Find(string key)
    {
        foreach (PickleDict dict in _dicts)
        {
            if (Unwrap(dict[key]) is not { } value) continue;
            return value is PickleScalar scalar ? scalar.Value : throw Wrong(key, "something compound", "a plain value");
        }
        return null;
    }

    private CheckpointException Wrong(string key, object found, string expected)
        => new(_path, $"cfg.{key} {found}", expected, "give the sizes with --encoder-config");
}
