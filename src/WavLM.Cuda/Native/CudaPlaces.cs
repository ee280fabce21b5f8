namespace WavLM.Cuda.Native;

/// <summary>A place where CUDA's libraries may lie.</summary>
/// <param name="Label">For people.</param>
/// <param name="Folders">Those that exist; null is the loader with its own list.</param>
/// <param name="Named">The user named it: it goes before everything else.</param>
/// <param name="Absent">Why there are no folders.</param>
internal sealed record CudaPlace(string Label, string[]? Folders, bool Named = false, string Absent = "no such folder");

/// <summary>The places of a machine, in order: the folder the user names, the loader's own, the toolkit, a container's driver, Python's wheels.</summary>
internal static class CudaPlaces
{
    internal const string Variable = "WAVLM_CUDA_PATH";

    internal static IReadOnlyList<CudaPlace> OfThisMachine()
        => Of(Environment.GetEnvironmentVariable(Variable), Environment.GetEnvironmentVariable("PATH"), OperatingSystem.IsWindows() ? Environment.GetEnvironmentVariable("CUDA_PATH") : null, "/");

    /// <param name="named">The value of the variable, or null.</param>
    /// <param name="path">The value of PATH: where python3 is looked for.</param>
    /// <param name="windowsToolkit">The toolkit's folder on Windows, where its installer says it.</param>
    /// <param name="root">Where the absolute paths begin: / but for tests.</param>
    internal static IReadOnlyList<CudaPlace> Of(string? named, string? path, string? windowsToolkit, string root)
    {
        List<CudaPlace> places = [];
        if (string.IsNullOrEmpty(named)) places.Add(new(Variable, [], Named: true, Absent: "not set"));
        else places.Add(new($"{Variable}={named}", Existing(Path.GetFullPath(named)), Named: true));
        places.Add(new("the loader's folders", null));
        if (windowsToolkit is not null) places.Add(new(windowsToolkit, [.. Existing(Path.Combine(windowsToolkit, "bin")), .. Existing(Path.Combine(windowsToolkit, "bin", "x64"))]));

        string local = Path.Combine(root, "usr/local");
        places.Add(new(Path.Combine(local, "cuda*/lib64"), [.. Matching(local, "cuda*").SelectMany(toolkit => Existing(Path.Combine(toolkit, "lib64")))]));
        places.Add(new(Path.Combine(local, "nvidia/lib*"), Matching(Path.Combine(local, "nvidia"), "lib*")));
        foreach (string packages in PythonPackages.Folders(path))
        {
            string nvidia = Path.Combine(packages, "nvidia"), libraries = OperatingSystem.IsWindows() ? "bin" : "lib";
            places.Add(new(Path.Combine(nvidia, "*", libraries), [.. Matching(nvidia, "*").SelectMany(part => Existing(Path.Combine(part, libraries)))]));
        }
        return places;
    }

    // A folder that may not be read is as good as none.
    private static readonly EnumerationOptions Readable = new() { IgnoreInaccessible = true, AttributesToSkip = 0 };

    private static string[] Existing(string folder) => Directory.Exists(folder) ? [folder] : [];

    /// <summary>Folders by a pattern. The plain name (cuda, a link to what the administrator chose) comes first, then the highest version.</summary>
    internal static string[] Matching(string parent, string pattern)
    {
        if (!Directory.Exists(parent)) return [];
        string plain = Path.Combine(parent, pattern.TrimEnd('*'));
        return [.. Directory.EnumerateDirectories(parent, pattern, Readable).OrderByDescending(folder => folder == plain).ThenByDescending(VersionOf).ThenBy(folder => folder, StringComparer.Ordinal)];
    }

    // cuda-12.10 is above cuda-12.8 and cuda-12, python3.12 above python3.9.
    private static Version VersionOf(string folder)
    {
        string name = Path.GetFileName(folder);
        string digits = name[(name.AsSpan().IndexOfAnyInRange('0', '9') is >= 0 and int first ? first : name.Length)..];
        return Version.TryParse(digits, out Version? version) ? version : int.TryParse(digits, out int major) ? new Version(major, 0) : new Version();
    }
}
