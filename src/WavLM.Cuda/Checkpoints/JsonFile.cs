using System.Collections.Immutable;
using System.Text.Json;

namespace WavLM.Cuda.Checkpoints;

/// <summary>A small JSON object beside the weights, read by key; every wrong value is one clear error.</summary>
internal sealed class JsonFile : IDisposable
{
    private const long MaxBytes = 1 << 20;
    private readonly JsonDocument _document;

    private JsonFile(string path, JsonDocument document)
    {
        Path = path;
        _document = document;
    }

    public string Path { get; }

    /// <exception cref="CheckpointException">The file is missing, too long, no JSON, names a key twice or holds no object.</exception>
    public static JsonFile Open(string path, long maxBytes = MaxBytes)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        ReadOnlyMemory<byte> bytes = file.ReadAll(maxBytes);
        if (bytes.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) bytes = bytes[3..];   // a byte order mark, from editors
        JsonDocument document;
        try
        {
            document = JsonParsing.Parse(bytes, allowDuplicates: false);
        }
        catch (JsonException e)
        {
            throw new CheckpointException(path, $"no JSON that can be read ({e.Message})", "a JSON object", "fetch the file again", e);
        }
        if (document.RootElement.ValueKind == JsonValueKind.Object) return new JsonFile(path, document);
        string kind = document.RootElement.ValueKind.ToString();
        document.Dispose();
        throw new CheckpointException(path, $"a JSON {kind}", "a JSON object", "check that this is the right file");
    }

    public bool Has(string key) => _document.RootElement.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    public string? Text(string key) => Value(key, JsonValueKind.String, "text")?.GetString();

    public bool Flag(string key, bool otherwise)
    {
        if (!Has(key)) return otherwise;
        JsonElement value = _document.RootElement.GetProperty(key);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, "true or false");
    }

    public int Integer(string key, int otherwise)
        => Value(key, JsonValueKind.Number, "a whole number") is not { } value ? otherwise
            : value.TryGetInt32(out int integer) ? integer : throw Wrong(key, value, "a whole number");

    public double Real(string key, double otherwise)
        => Value(key, JsonValueKind.Number, "a number")?.GetDouble() ?? otherwise;

    public ImmutableArray<int> Integers(string key, ImmutableArray<int> otherwise)
    {
        if (Value(key, JsonValueKind.Array, "a list of whole numbers") is not { } list) return otherwise;
        ImmutableArray<int>.Builder integers = ImmutableArray.CreateBuilder<int>();
        foreach (JsonElement item in list.EnumerateArray())
            integers.Add(item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int integer) ? integer : throw Wrong(key, list, "a list of whole numbers"));
        return integers.ToImmutable();
    }

    /// <summary>The object under <paramref name="key"/> as names and texts.</summary>
    public IReadOnlyList<(string Name, string Text)> Texts(string key)
    {
        if (Value(key, JsonValueKind.Object, "an object") is not { } map)
            throw new CheckpointException(Path, $"no {key}", "an object of names and texts", "fetch the file again");
        var texts = new List<(string, string)>();
        foreach (JsonProperty entry in map.EnumerateObject())
            texts.Add((entry.Name, entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : throw Wrong($"{key}.{entry.Name}", entry.Value, "text")));
        return texts;
    }

    public void Dispose() => _document.Dispose();

    private JsonElement? Value(string key, JsonValueKind kind, string expected)
    {
        if (!Has(key)) return null;
        JsonElement value = _document.RootElement.GetProperty(key);
        return value.ValueKind == kind ? value : throw Wrong(key, value, expected);
    }

    private CheckpointException Wrong(string key, JsonElement value, string expected)
    {
        string raw = value.GetRawText();
        return new CheckpointException(Path, $"{key} {(raw.Length > 60 ? raw[..60] + "..." : raw)}", expected, "correct the value");
    }
}
