using System.Diagnostics;
using System.Text;

namespace WavLM.Cuda.Mutants;

/// <summary>
/// A copy of the product, with this program, in which every mutation of the launch code is there behind a switch, so that one
/// build has them all. The product itself knows nothing of it.
/// </summary>
internal static class SwitchedProduct
{
    private const string LaunchCode = "src/WavLM.Cuda/Backends/Cuda";

    private static readonly string[] Copied = ["kernels", "src/WavLM.Cuda", "tests/WavLM.Cuda.Checks", "tests/WavLM.Cuda.Mutants"];

    /// <summary>Each site with its number; bindings and handles launch nothing.</summary>
    public static LaunchSite[] Sites(string repository)
    {
        LaunchSite[] found = [.. Directory.EnumerateFiles(Path.Combine(repository, LaunchCode), "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(repository, path)).Where(static file => !file.Contains("/Interop/", StringComparison.Ordinal))
            .SelectMany(file => LaunchSites.Of(file, File.ReadAllText(Path.Combine(repository, file))))];
        Dictionary<(string, int, string, string), LaunchSite> byPlace = found.ToDictionary(static site => (site.Site.File, site.Site.Start, site.Site.Kind, site.Site.After));
        return [.. Site.Numbered(found.Select(static site => site.Site)).Select(site => byPlace[(site.File, site.Start, site.Kind, site.After)] with { Site = site })];
    }

    /// <summary>Makes the copy and builds it.</summary>
    /// <returns>The program.</returns>
    public static string Build(string repository, string folder, LaunchSite[] sites)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        foreach (string part in Copied)
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(repository, part), "*", SearchOption.AllDirectories)) Copy(Path.GetRelativePath(repository, file));
        }
        foreach (string file in Directory.EnumerateFiles(repository, "Directory.*.props")) Copy(Path.GetRelativePath(repository, file));
        foreach (IGrouping<string, (LaunchSite, int)> file in sites.Select(static (site, number) => (site, number)).GroupBy(static site => site.site.Site.File))
            File.WriteAllText(Path.Combine(folder, file.Key), WithSwitches(File.ReadAllText(Path.Combine(repository, file.Key)), file));
        File.WriteAllText(Path.Combine(folder, "src/WavLM.Cuda/Mutant.cs"), SwitchClass.Text(sites.Length));
        // What is put into the copy is not held to the rules of style.
        Run(folder, "dotnet", "build", "tests/WavLM.Cuda.Mutants", "--configuration", "Release", "--nologo", "--verbosity", "quiet", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-p:NoWarn=CS1591");
        return Path.Combine(folder, "artifacts/bin/WavLM.Cuda.Mutants/release/WavLM.Cuda.Mutants");

        void Copy(string file)
        {
            string to = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(repository, file), to);
        }
    }

    /// <summary>A text with calls put around its sites. One may lie within another, but none crosses another's border.</summary>
    public static string WithSwitches(string text, IEnumerable<(LaunchSite Site, int Number)> sites)
    {
        StringBuilder switched = new();
        Stack<LaunchSite> open = new();
        int at = 0;
        foreach ((LaunchSite site, int number) in sites.OrderBy(static site => site.Site.Site.Start).ThenByDescending(static site => site.Site.Site.Length))
        {
            Close(site.Site.Start);
            Upto(site.Site.Start);
            switched.Append(site.Prefix(number));
            open.Push(site);
        }
        Close(int.MaxValue);
        return switched.Append(text, at, text.Length - at).ToString();

        void Close(int before)
        {
            while (open.TryPeek(out LaunchSite? inner) && inner.Site.Start + inner.Site.Length <= before)
            {
                Upto(inner.Site.Start + inner.Site.Length);
                switched.Append(open.Pop().Suffix);
            }
        }

        void Upto(int place)
        {
            switched.Append(text, at, place - at);
            at = place;
        }
    }

    private static void Run(string folder, string command, params string[] arguments)
    {
        ProcessStartInfo start = new(command, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{command} {string.Join(' ', arguments)} in {folder}:\n{output}");
    }
}
