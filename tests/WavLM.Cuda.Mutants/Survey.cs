using System.Globalization;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Mutants;

/// <summary>All mutants, and what is said of them.</summary>
internal static class Survey
{
    private static readonly int Processes = Math.Clamp(Environment.ProcessorCount, 1, 8);

    public static int Run(Options options)
    {
        string repository = Repository();
        Site[] kernels = [.. Site.Numbered(KernelTexts.Sites).Where(options.Wants)];
        LaunchSite[] switches = SwitchedProduct.Sites(repository);
        (Site Site, int Switch)[] launches = [.. switches.Select(static (site, number) => (site.Site, number)).Where(site => options.Wants(site.Site))];
        if (options.List)
        {
            Site[] all = [.. kernels, .. launches.Select(static launch => launch.Site)];
            foreach (Site site in all) Console.WriteLine(site);
            WriteCounts(all, "listed");
            return 0;
        }
        Equivalents equivalents = Equivalents.Parse(File.ReadAllText(Path.Combine(repository, "tests", "WavLM.Cuda.Mutants", "equivalent.md")));
        string device = CopyOfDevice(Path.Combine(repository, "artifacts", "mutants", "device"));
        Func<Site, bool> proven = site => equivalents.Contains(site.Key);
        Action<Outcome> tell = outcome => Tell(outcome, equivalents, options);
        List<Outcome> outcomes = [.. new Campaign(new Child(Environment.ProcessPath!, device), Processes, proven).Run(Campaign.OfKernels(kernels), tell)];
        if (launches.Length > 0)
        {
            string program = SwitchedProduct.Build(repository, Path.Combine(repository, "artifacts", "mutants", "product"), switches);
            outcomes.AddRange(new Campaign(new Child(program, device), Processes, proven).Run(Campaign.OfSwitches(launches), tell));
        }
        return Conclude([.. outcomes], equivalents, options);
    }

    private static void Tell(Outcome outcome, Equivalents equivalents, Options options)
    {
        if (!options.Verbose && (outcome.Verdict.Fate != Fate.Survived || equivalents.Contains(outcome.Site.Key))) return;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{outcome.Verdict.Fate} {outcome.Site} ({outcome.Trials} trials, {outcome.Seconds:0.0} s) {outcome.Verdict.Reason}"));
    }

    private static int Conclude(Outcome[] outcomes, Equivalents equivalents, Options options)
    {
        Outcome[] valid = [.. outcomes.Where(static outcome => outcome.Verdict.Fate != Fate.NotValid)];
        string[] wrong =
        [
            .. valid.Where(outcome => outcome.Verdict.Fate == Fate.Killed && equivalents.Contains(outcome.Site.Key)).Select(static outcome => $"{outcome.Site.Key}: equivalent.md proves that it changes nothing, and {outcome.Verdict.Reason}"),
            .. options.Filter.Length > 0 ? [] : equivalents.Keys.Except(valid.Select(static outcome => outcome.Site.Key)).Select(static key => $"{key}: listed in equivalent.md, and there is no such mutant"),
        ];
        Outcome[] counted = [.. valid.Where(outcome => !equivalents.Contains(outcome.Site.Key))];
        foreach (string line in wrong) Console.WriteLine(line);
        WriteCounts(counted.Select(static outcome => outcome.Site), "tried");
        int killed = counted.Count(static outcome => outcome.Verdict.Fate == Fate.Killed);
        Console.WriteLine($"{valid.Length - counted.Length} equivalent ones with a proof, {outcomes.Length - valid.Length} that no compiler takes");
        Console.WriteLine($"{killed} of {counted.Length} mutants killed");
        return killed == counted.Length && counted.Length > 0 && wrong.Length == 0 ? 0 : 1;
    }

    private static void WriteCounts(IEnumerable<Site> sites, string what)
        => Console.WriteLine($"{what}: {string.Join(", ", sites.GroupBy(static site => site.Kind).OrderBy(static kind => kind.Key, StringComparer.Ordinal).Select(static kind => $"{kind.Count()} {kind.Key}"))}");

    private static string Repository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "WavLM.Cuda.sln"))) return folder.FullName;
        }
        throw new InvalidOperationException($"no WavLM.Cuda.sln above {AppContext.BaseDirectory}");
    }

    /// <summary>The device keeps what it compiled beside itself: mutants' kernels get a place of their own.</summary>
    private static string CopyOfDevice(string folder)
    {
        string device = EmulatedDevice.Folder ?? throw new InvalidOperationException("the emulated device is not built: make emulator");
        string original = Path.Combine(device, EmulatedDevice.Library), copy = Path.Combine(folder, EmulatedDevice.Library);
        if (File.Exists(copy) && File.ReadAllBytes(copy).AsSpan().SequenceEqual(File.ReadAllBytes(original))) return folder;
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        File.Copy(original, copy);
        foreach (string link in Directory.GetFiles(device).Where(static file => new FileInfo(file).LinkTarget is not null))
            File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(link)), EmulatedDevice.Library);
        return folder;
    }
}
