namespace WavLM.Cuda.Native;

/// <summary>Where the python3 on PATH keeps its packages, found by the layout of its installation: starting it would take longer than the rest of the search.</summary>
internal static class PythonPackages
{
    /// <summary>Folders of packages that exist: those of the first python3 on PATH, then of the next.</summary>
    internal static IEnumerable<string> Folders(string? path) => Prefixes(path).SelectMany(PackagesOf).Distinct();

    private static IEnumerable<string> PackagesOf(string prefix)
    {
        if (OperatingSystem.IsWindows()) return ExistingAmong(prefix, Path.Combine("Lib", "site-packages"));
        return CudaPlaces.Matching(Path.Combine(prefix, "lib"), "python3*").SelectMany(version => ExistingAmong(version, "site-packages", "dist-packages"));
    }

    private static IEnumerable<string> Prefixes(string? path)
    {
        string python = OperatingSystem.IsWindows() ? "python.exe" : "python3";
        // Links first: /bin is /usr/bin.
        foreach (string folder in (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathFullyQualified)
            .Select(folder => Directory.Exists(folder) ? Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName ?? folder : folder).Distinct())
        {
            FileInfo found = new(Path.Combine(folder, python));
            if (!found.Exists) continue;
            if (OperatingSystem.IsWindows()) yield return folder;
            else foreach (string prefix in PrefixesOf(found, Path.GetDirectoryName(folder.TrimEnd('/')) ?? "/")) yield return prefix;
        }
    }

    private static IEnumerable<string> PrefixesOf(FileInfo python, string prefix)
    {
        if (python.Directory!.Name == "shims" && File.Exists(Path.Combine(prefix, "version")))   // pyenv: a script that chooses by this file
        {
            foreach (string chosen in File.ReadLines(Path.Combine(prefix, "version"))) yield return Path.Combine(prefix, "versions", chosen.Trim());
        }
        yield return prefix;
        // A virtual environment's link leads to the Python it was made from, whose packages it does not see.
        if (!File.Exists(Path.Combine(prefix, "pyvenv.cfg")) && python.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target)
            yield return target.Directory!.Parent?.FullName ?? "/";
        if (prefix == "/usr") yield return "/usr/local";   // where Debian's pip installs
    }

    private static IEnumerable<string> ExistingAmong(string parent, params string[] names) => names.Select(name => Path.Combine(parent, name)).Where(Directory.Exists);
}
