namespace WavLM.Cuda.Mutants;

/// <summary>
/// The mutants that change nothing, each with its proof: equivalent.md. A heading is a mutant's key; the text behind one heading,
/// or behind several in a row, proves them.
/// </summary>
internal sealed class Equivalents
{
    private const string Heading = "### ";

    private readonly Dictionary<string, string> _proofs = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">A mutant without proof, or twice.</exception>
    public static Equivalents Parse(string text)
    {
        Equivalents equivalents = new();
        List<string> keys = [];
        string proof = "";
        foreach (string line in (IEnumerable<string>)[.. text.Split('\n'), Heading])
        {
            if (!line.StartsWith(Heading, StringComparison.Ordinal))
            {
                if (keys.Count > 0) proof = $"{proof} {line.Trim()}".Trim();
                continue;
            }
            if (proof.Length > 0 || line == Heading)
            {
                foreach (string key in keys) equivalents.Add(key, proof);
                keys.Clear();
                proof = "";
            }
            keys.Add(line[Heading.Length..].Trim());
        }
        return equivalents;
    }

    public static Equivalents None { get; } = new();

    /// <summary>In the order of the file.</summary>
    public IReadOnlyCollection<string> Keys => _proofs.Keys;

    public bool Contains(string key) => _proofs.ContainsKey(key);

    private void Add(string key, string proof)
    {
        if (proof.Length == 0) throw new FormatException($"{key}: there is no proof that it changes nothing");
        if (!_proofs.TryAdd(key, proof)) throw new FormatException($"{key}: listed twice");
    }
}
