using System.Collections.Immutable;
using System.Text.Json;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A .safetensors file: 8 bytes of header length, a JSON object {name: {dtype, shape, data_offsets}}, then values without holes up
/// to the last byte. Refused: a header over 100,000,000 bytes, past the end, or that does not begin with '{'; a name twice; a size
/// that is not the product of the shape; holes, overlap, or a last byte that is not the file's.
/// </summary>
internal static class SafetensorsReader
{
    private const long MaxHeaderBytes = 100_000_000;   // the format's own limit
    private const string FetchAgain = "fetch the file again, or write it again with its own tool";

    /// <summary>The tensors of <paramref name="file"/> in the order of their values.</summary>
    /// <exception cref="CheckpointException">The file breaks a rule of the format; nothing of it was used.</exception>
    public static IReadOnlyList<StoredTensor> Read(CheckpointFile file)
    {
        ulong header = file.Length < 8 ? 0 : file.ReadUInt64(0);
        if (header < 2 || header > (ulong)Math.Min(MaxHeaderBytes, Math.Max(0, file.Length - 8)))
            throw new CheckpointException(file.Path, $"a header of {header:N0} bytes in a file of {file.Length:N0}",
                $"2 to {MaxHeaderBytes:N0} bytes, inside the file", "fetch the file again, it looks cut short");
        var json = new byte[header];
        file.Read(8, json);
        if (json[0] != (byte)'{')
            throw new CheckpointException(file.Path, $"a header that begins with byte {json[0]}", "a '{'", FetchAgain);

        long values = 8 + (long)header;
        List<StoredTensor> tensors;
        try
        {
            using JsonDocument document = JsonParsing.Parse(json, allowDuplicates: true);   // refused below, with their name
            tensors = Tensors(file, document.RootElement, values);
        }
        catch (JsonException e)
        {
            throw new CheckpointException(file.Path, $"a header that is no JSON ({e.Message})", "a JSON object", FetchAgain, e);
        }
        return tensors;
    }

    private static List<StoredTensor> Tensors(CheckpointFile file, JsonElement header, long values)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var found = new List<(StoredTensor Tensor, long Begin, long End)>();
        foreach (JsonProperty entry in header.EnumerateObject())
        {
            if (!names.Add(entry.Name))
                throw new CheckpointException(file.Path, $"the name {entry.Name} twice in the header", "each name once", FetchAgain);
            if (entry.Name == "__metadata__") continue;
            found.Add(Tensor(file, entry, values));
        }

        found.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long end = 0;
        foreach ((StoredTensor tensor, long begin, long tensorEnd) in found)
        {
            if (begin != end)
                throw new CheckpointException(file.Path, $"{tensor.Name} at {begin:N0}, {(begin > end ? "after a hole" : "inside the tensor before it")}",
                    $"values one after another, the next at {end:N0}", FetchAgain);
            end = tensorEnd;
        }
        if (values + end != file.Length)
            throw new CheckpointException(file.Path, $"{file.Length:N0} bytes", $"{values + end:N0} by its header", "fetch the file again, it looks cut short or added to");
        return found.ConvertAll(f => f.Tensor);
    }

    private static (StoredTensor Tensor, long Begin, long End) Tensor(CheckpointFile file, JsonProperty entry, long values)
    {
        if (entry.Value.ValueKind != JsonValueKind.Object
            || !entry.Value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !entry.Value.TryGetProperty("shape", out JsonElement shapeJson) || !TryIntegers(shapeJson, out ImmutableArray<long> shape)
            || !entry.Value.TryGetProperty("data_offsets", out JsonElement offsetsJson) || !TryIntegers(offsetsJson, out ImmutableArray<long> offsets)
            || offsets.Length != 2)
            throw new CheckpointException(file.Path, $"{entry.Name} without a plain dtype, shape and data_offsets", "all three, of numbers from 0 on", FetchAgain);

        string typeName = dtype.GetString()!;
        (StoredType type, int size) = typeName switch
        {
            "F64" => (StoredType.Float64, 8),
            "F32" => (StoredType.Float32, 4),
            "F16" => (StoredType.Float16, 2),
            "BF16" => (StoredType.BFloat16, 2),
            "I64" or "U64" => (StoredType.Other, 8),
            "I32" or "U32" => (StoredType.Other, 4),
            "I16" or "U16" => (StoredType.Other, 2),
            "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" => (StoredType.Other, 1),
            _ => throw new CheckpointException(file.Path, $"{entry.Name} of type {typeName}", "F32, F16, BF16 or F64", "convert the checkpoint to one of these types"),
        };
        long bytes = size;
        try
        {
            foreach (long dimension in shape) bytes = checked(bytes * dimension);
        }
        catch (OverflowException)
        {
            bytes = -1;
        }
        if (bytes < 0 || offsets[1] - offsets[0] != bytes || offsets[1] > file.Length - values)
            throw new CheckpointException(file.Path,
                $"{entry.Name} {StoredTensor.Describe(shape)} {typeName} from {offsets[0]:N0} to {offsets[1]:N0} of {file.Length - values:N0} bytes of values",
                bytes < 0 ? "a shape that a file can hold" : $"{bytes:N0} bytes, inside the file", "fetch the file again, it looks cut short or damaged");
        return (new StoredTensor(entry.Name, type, shape, file, values + offsets[0]), offsets[0], offsets[1]);
    }

    private static bool TryIntegers(JsonElement json, out ImmutableArray<long> integers)
    {
        integers = [];
        if (json.ValueKind != JsonValueKind.Array || json.GetArrayLength() > 16) return false;
        ImmutableArray<long>.Builder builder = ImmutableArray.CreateBuilder<long>();
        foreach (JsonElement item in json.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long value) || value < 0) return false;
            builder.Add(value);
        }
        integers = builder.ToImmutable();
        return true;
    }
}
