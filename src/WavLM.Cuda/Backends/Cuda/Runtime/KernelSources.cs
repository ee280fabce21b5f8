using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>A kernel's source, and the headers that it includes, directly or through others.</summary>
/// <param name="File">Below kernels/.</param>
/// <param name="Text">CUDA C++.</param>
/// <param name="Headers">By the names that they are included by, in a fixed order.</param>
internal sealed record KernelSource(string File, string Text, IReadOnlyList<KernelHeader> Headers);

/// <summary>A header by the name that it is included by: below kernels/.</summary>
internal sealed record KernelHeader(string Name, string Text);

/// <summary>The sources under kernels/, which travel inside the assembly: there is nothing beside it that could be another version.</summary>
/// <param name="read">A file's text by its name below kernels/, or null where there is none.</param>
internal sealed partial class KernelSources(Func<string, string?> read)
{
    private readonly ConcurrentDictionary<string, KernelSource> _sources = new();

    /// <summary>What this assembly carries.</summary>
    public static KernelSources Embedded { get; } = new(ReadResource);

    /// <exception cref="FileNotFoundException">There is no such source, or a header that it includes is missing.</exception>
    public KernelSource this[string file] => _sources.GetOrAdd(file, Collect);

    private KernelSource Collect(string file)
    {
        string text = Read(file, includedBy: null);
        SortedDictionary<string, string> headers = new(StringComparer.Ordinal);
        AddHeaders(file, text, headers);
        return new KernelSource(file, text, [.. headers.Select(static header => new KernelHeader(header.Key, header.Value))]);
    }

    private void AddHeaders(string file, string text, SortedDictionary<string, string> headers)
    {
        foreach (Match include in Include().Matches(text))
        {
            string name = include.Groups[1].Value;
            if (headers.ContainsKey(name)) continue;
            string header = Read(name, includedBy: file);
            headers.Add(name, header);
            AddHeaders(name, header, headers);
        }
    }

    private string Read(string name, string? includedBy) => read(name) ?? throw new FileNotFoundException(
        includedBy is null ? $"there is no kernel source kernels/{name}" : $"kernels/{includedBy} includes \"{name}\", and there is no kernels/{name}", name);

    private static string? ReadResource(string name)
    {
        using Stream? resource = Assembly.GetExecutingAssembly().GetManifestResourceStream($"kernels/{name}");
        if (resource is null) return null;
        using StreamReader reader = new(resource);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("""^[ \t]*#[ \t]*include[ \t]+"([^"]+)"[^\n]*$""", RegexOptions.Multiline)]
    private static partial Regex Include();
}
