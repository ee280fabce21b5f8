using System.Globalization;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Mutants;

// Small changes of the kernels and of the code that launches them, one at a time, on the emulated device: each must be noticed.
//   mutants [--filter REGEX] [--list] [--verbose]
// The other options are how it starts itself once more, see Child.cs.
try
{
    return args switch
    {
        [Child.MeasureOption, var share, var of] => Measure(Number(share), Number(of)),
        [Child.AttemptOption, var key] => Report(KernelTexts.With(Site.Numbered(KernelTexts.Sites).Single(site => site.Key == key))),
        [Child.SwitchOption, var number] => Switched(Number(number)),
        _ => Survey.Run(Options.Parse(args)),
    };
}
catch (Exception e) when (e is FormatException or InvalidOperationException or AggregateException)
{
    Console.Error.WriteLine($"mutants: {e.GetBaseException().Message}");
    return 2;
}

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static int Measure(int share, int of)
{
    foreach (Measured measured in Attempt.Measure(KernelSources.Embedded, share, of)) Console.WriteLine(measured);
    return 0;
}

static int Switched(int number)
{
    Switches.Choose(number);
    return Report(KernelSources.Embedded);
}

// A mutant may have left threads that never end, so the process does not wait for them.
static int Report(KernelSources sources)
{
    List<(string, string)> trials = [];
    while (Console.ReadLine() is { } line) trials.Add((line.Split('\t')[0], line.Split('\t')[1]));
    Verdict verdict = Attempt.UntilKilled(sources, trials, static trial => Console.WriteLine($"trial\t{trial}"));
    Console.WriteLine($"{verdict.Fate}\t{verdict.Reason}");
    Environment.Exit(0);
    return 0;
}
