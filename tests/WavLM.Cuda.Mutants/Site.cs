namespace WavLM.Cuda.Mutants;

/// <summary>One small change of a source.</summary>
/// <param name="File">Below kernels/, or below the repository.</param>
/// <param name="Line">From 1.</param>
/// <param name="Kind">What is changed: barrier, guard, ...</param>
/// <param name="Function">Around it; empty outside all.</param>
/// <param name="Before">What stands there.</param>
/// <param name="After">What stands there in the mutant.</param>
/// <param name="Start">Offset of what is replaced.</param>
/// <param name="Length">Of what is replaced.</param>
internal sealed record Site(string File, int Line, string Kind, string Function, string Before, string After, int Start, int Length)
{
    /// <summary>The how-manieth of its function with the same change.</summary>
    public int Occurrence { get; private init; } = 1;

    /// <summary>Names it for as long as its own function is not rewritten, wherever that stands.</summary>
    public string Key => $"{File}{(Function.Length > 0 ? $" {Function}" : "")}: `{Before}` -> `{After}`{(Occurrence > 1 ? $" #{Occurrence}" : "")}";

    /// <summary>Its line of the list.</summary>
    public override string ToString() => $"{File}:{Line}: {Kind}: {Key}";

    /// <summary>The sites in the order of their places, those that would have one key numbered.</summary>
    public static Site[] Numbered(IEnumerable<Site> sites)
    {
        Dictionary<string, int> seen = new(StringComparer.Ordinal);
        List<Site> numbered = [];
        foreach (Site site in sites.OrderBy(static site => site.File, StringComparer.Ordinal).ThenBy(static site => site.Start).ThenBy(static site => site.After, StringComparer.Ordinal))
        {
            seen.TryGetValue(site.Key, out int before);
            seen[site.Key] = before + 1;
            numbered.Add(site with { Occurrence = before + 1 });
        }
        return [.. numbered];
    }

    /// <summary>The text with the change made.</summary>
    public string ApplyTo(string text) => text[..Start] + After + text[(Start + Length)..];
}
