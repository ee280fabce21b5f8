using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace WavLM.Cuda.Mutants;

/// <summary>A mutant's site, what it was put to, and what became of it.</summary>
internal sealed record Outcome(Site Site, Verdict Verdict, int Trials, double Seconds);

/// <summary>The mutants of one build of this program: the trials are measured on it as it is, then each mutant is put to those that reach it.</summary>
/// <param name="child">Runs that build.</param>
/// <param name="processes">At once.</param>
/// <param name="proven">Whether a mutant is proven to change nothing.</param>
internal sealed class Campaign(Child child, int processes, Func<Site, bool> proven)
{
    // Thousands of trials reach a mutant of a common header. One that a proof expects to survive all of them is not put to all.
    private const int MostTrialsOfProven = 100;

    /// <param name="mutants">Each with how a child finds it and which trials could see it.</param>
    /// <param name="done">Gets every outcome as it is known, from several threads.</param>
    public Outcome[] Run(IReadOnlyList<(Site Site, string[] Mutant, Func<Measured, bool> Reaches)> mutants, Action<Outcome> done)
    {
        if (mutants.Count == 0) return [];
        Measured[] measured = [.. Enumerable.Range(0, processes).AsParallel().WithDegreeOfParallelism(processes).SelectMany(share => child.Measure(share, processes)).OrderBy(static trial => trial.Seconds)];
        ConcurrentBag<Outcome> outcomes = [];
        Parallel.ForEach(Partitioner.Create(mutants, EnumerablePartitionerOptions.NoBuffering), new ParallelOptions { MaxDegreeOfParallelism = processes }, mutant =>
        {
            Measured[] trials = [.. measured.Where(mutant.Reaches)];
            if (proven(mutant.Site)) trials = Spread(trials);
            Stopwatch clock = Stopwatch.StartNew();
            Verdict verdict = trials.Length == 0 ? new(Fate.Survived, "no trial reaches it") : child.Attempt(mutant.Mutant, trials);
            Outcome outcome = new(mutant.Site, verdict, trials.Length, clock.Elapsed.TotalSeconds);
            outcomes.Add(outcome);
            done(outcome);
        });
        return [.. outcomes.OrderBy(static outcome => outcome.Site.File, StringComparer.Ordinal).ThenBy(static outcome => outcome.Site.Start)];
    }

    /// <summary>Of the trials that launch the same kernels at most so many, evenly from the shortest to the longest.</summary>
    private static Measured[] Spread(Measured[] trials) =>
    [
        .. trials.GroupBy(static trial => string.Join(' ', trial.Kernels.Order(StringComparer.Ordinal))).SelectMany(static alike =>
        {
            Measured[] all = [.. alike];
            int taken = Math.Min(all.Length, MostTrialsOfProven);
            return Enumerable.Range(0, taken).Select(i => all[(int)(i * (long)all.Length / taken)]);
        }).OrderBy(static trial => trial.Seconds),
    ];

    /// <summary>The mutants of kernels/.</summary>
    public static IReadOnlyList<(Site, string[], Func<Measured, bool>)> OfKernels(IEnumerable<Site> sites) => [.. sites.Select(static site =>
    {
        HashSet<string> entries = [.. KernelTexts.EntriesThatUse(site.File)];
        return (site, (string[])[Child.AttemptOption, site.Key], (Func<Measured, bool>)(trial => entries.Overlaps(trial.Kernels) && !Trial.Named(trial.Trial).OfHost));
    })];

    /// <summary>Those of the launch code, whose number is their switch.</summary>
    public static IReadOnlyList<(Site, string[], Func<Measured, bool>)> OfSwitches(IEnumerable<(Site Site, int Switch)> sites) => [.. sites.Select(static mutant =>
        (mutant.Site, (string[])[Child.SwitchOption, mutant.Switch.ToString(CultureInfo.InvariantCulture)], (Func<Measured, bool>)(trial => trial.Switches.Contains(mutant.Switch))))];
}
