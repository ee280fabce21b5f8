using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>The tensors of a file under their canonical names, and whether they are those that the config asks for.</summary>
internal static class EncoderTensorMap
{
    private const int NamesInAMessage = 1000;   // Large has 488: every real list fits

    /// <summary>Canonical names for the tensors that an encoder uses; the rest of a file is left out.</summary>
    /// <exception cref="CheckpointException">Two tensors of the file have one canonical name, or a stacked projection cannot be taken apart.</exception>
    public static Dictionary<string, StoredTensor> Rename(string path, IReadOnlyCollection<StoredTensor> stored)
    {
        string prefix = TensorNames.PrefixOf(stored.Select(t => t.Name));
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (StoredTensor tensor in stored)
        {
            if (TensorNames.Canonical(tensor.Name, prefix) is not { } name) continue;
            foreach ((string part, StoredTensor view) in Unstack(name, tensor))
            {
                if (!tensors.TryAdd(part, view))
                    throw new CheckpointException(path, $"{tensors[part].Name} and {tensor.Name}, both {part}", "one tensor a name", "remove one spelling from the checkpoint");
            }
        }
        return tensors;
    }

    /// <summary>Compares names, shapes and types with the config; one error lists everything that does not fit.</summary>
    /// <exception cref="CheckpointException">Tensors are missing, extra, of another shape or not stored as floats.</exception>
    public static void Check(string path, EncoderConfig config, Dictionary<string, StoredTensor> tensors)
    {
        var expected = EncoderTensors.Of(config).ToDictionary(t => t.Name, t => t.Shape, StringComparer.Ordinal);
        var missing = expected.Keys.Where(name => !tensors.ContainsKey(name)).ToList();
        if (tensors.ContainsKey(EncoderTensors.Mask)) expected.Add(EncoderTensors.Mask, [config.Width]);

        var extra = tensors.Where(t => !expected.ContainsKey(t.Key)).Select(t => t.Value.Name).ToList();
        var misshapen = tensors
            .Where(t => expected.TryGetValue(t.Key, out long[]? shape) && !t.Value.Shape.AsSpan().SequenceEqual(shape))
            .Select(t => $"{t.Value.Name} {StoredTensor.Describe(t.Value.Shape)} instead of {StoredTensor.Describe(expected[t.Key])}").ToList();
        var wrongType = tensors.Where(t => expected.ContainsKey(t.Key) && t.Value.Type == StoredType.Other).Select(t => t.Value.Name).ToList();
        if (missing.Count + extra.Count + misshapen.Count + wrongType.Count == 0) return;

        var parts = new List<string>();
        Add("missing", missing);
        Add("not part of this model", extra);
        Add("of another shape", misshapen);
        Add("not stored as floats", wrongType);
        throw new CheckpointException(path, string.Join("; ", parts), $"the {expected.Count} tensors that the config asks for",
            "check that config and weights belong together, and fetch both again");

        void Add(string what, List<string> names)
        {
            if (names.Count == 0) return;
            string rest = names.Count > NamesInAMessage ? $" and {names.Count - NamesInAMessage:N0} more" : "";
            parts.Add($"{names.Count:N0} {what}: {string.Join(", ", names.Take(NamesInAMessage))}{rest}");
        }
    }

    // torchaudio stacks q, k and v (PyTorch's in_proj): three views on its rows.
    private static IEnumerable<(string Name, StoredTensor Tensor)> Unstack(string name, StoredTensor tensor)
    {
        string? leaf = name.EndsWith(".attention.in_proj_weight", StringComparison.Ordinal) ? "weight"
            : name.EndsWith(".attention.in_proj_bias", StringComparison.Ordinal) ? "bias" : null;
        if (leaf is null || tensor.Shape.Length == 0 || tensor.Shape[0] % 3 != 0) return [(name, tensor)];
        string attention = name[..name.LastIndexOf('.')];
        long rows = tensor.Shape[0] / 3;
        return ((string[])["q_proj", "k_proj", "v_proj"]).Select((projection, i)
            => ($"{attention}.{projection}.{leaf}", tensor.Rows($"{tensor.Name} (rows of {projection})", i * rows, rows)));
    }
}
