using System.Text.RegularExpressions;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Mutants;

/// <summary>The sources under kernels/ as the assembly carries them, and what a change of one reaches.</summary>
internal static partial class KernelTexts
{
    private const string Prefix = "kernels/";

    private static readonly SortedDictionary<string, string> Texts = new(
        typeof(KernelSources).Assembly.GetManifestResourceNames().Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToDictionary(static name => name[Prefix.Length..], Read),
        StringComparer.Ordinal);

    public static IEnumerable<string> Files => Texts.Keys;

    public static string Of(string file) => Texts[file];

    public static IEnumerable<Site> Sites => Texts.SelectMany(static file => KernelSites.Of(file.Key, file.Value));

    /// <summary>All sources, one of them with a change made.</summary>
    public static KernelSources With(Site site) => new(name => Texts.TryGetValue(name, out string? text) ? name == site.File ? site.ApplyTo(text) : text : null);

    /// <summary>The entry points of a source, or of all sources that include a header.</summary>
    public static string[] EntriesThatUse(string file) => [.. SourcesThatUse(file).SelectMany(EntriesOf)];

    /// <summary>The entry points of the sources that copy behind the threads' backs.</summary>
    public static string[] EntriesThatCopyAsync { get; } = [.. Texts.Where(static file => IsSource(file.Key) && CopyAsync().IsMatch(file.Value)).SelectMany(static file => EntriesOf(file.Key))];

    private static IEnumerable<string> SourcesThatUse(string file)
        => IsSource(file) ? [file] : Texts.Keys.Where(source => IsSource(source) && KernelSources.Embedded[source].Headers.Any(header => header.Name == file));

    private static IEnumerable<string> EntriesOf(string source) => EntryPoint().Matches(Texts[source]).Select(static match => match.Groups[1].Value);

    private static bool IsSource(string file) => file.EndsWith(".cu", StringComparison.Ordinal);

    private static string Read(string resource)
    {
        using StreamReader reader = new(typeof(KernelSources).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"extern ""C"" __global__\s+void\s+(?:__launch_bounds__\([^\n]*\)\s+)?(\w+)\(")]
    private static partial Regex EntryPoint();

    [GeneratedRegex(@"\bcopy_async_\d+\w*\(")]
    private static partial Regex CopyAsync();
}
