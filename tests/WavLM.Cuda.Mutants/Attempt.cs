using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Mutants;

/// <summary>What became of a mutant.</summary>
internal enum Fate
{
    /// <summary>Every trial held.</summary>
    Survived,

    /// <summary>A trial did not hold, or was never over.</summary>
    Killed,

    /// <summary>The compiler refuses it: it is no mutant.</summary>
    NotValid,
}

/// <summary>A mutant's fate and, where it did not survive, why.</summary>
internal readonly record struct Verdict(Fate Fate, string Reason);

/// <summary>A trial of the product as it is.</summary>
/// <param name="Trial">Its name.</param>
/// <param name="Seconds">That it took.</param>
/// <param name="Digest">Of its results, where it has any to compare.</param>
/// <param name="Kernels">The entry points that it launched.</param>
/// <param name="Switches">The switches that it reached.</param>
internal sealed record Measured(string Trial, double Seconds, string Digest, string[] Kernels, int[] Switches)
{
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Trial}\t{Seconds:0.000}\t{Digest}\t{string.Join(' ', Kernels)}\t{string.Join(' ', Switches)}");

    public static Measured Parse(string line)
    {
        string[] fields = line.Split('\t');
        return new(
            fields[0], double.Parse(fields[1], CultureInfo.InvariantCulture), fields[2], fields[3].Split(' ', StringSplitOptions.RemoveEmptyEntries),
            [.. fields[4].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static number => int.Parse(number, CultureInfo.InvariantCulture))]);
    }
}

/// <summary>Trials one after another, in this process.</summary>
internal static class Attempt
{
    /// <summary>Until one of them does not hold.</summary>
    /// <param name="sources">The kernels.</param>
    /// <param name="trials">Names, and the digests that the product as it is gave.</param>
    /// <param name="begins">Gets each trial's name before it.</param>
    public static Verdict UntilKilled(KernelSources sources, IEnumerable<(string Trial, string Digest)> trials, Action<string> begins)
    {
        using Subject subject = new(sources);
        foreach ((string name, string expected) in trials)
        {
            begins(name);
            try
            {
                string digest = Trial.Named(name).Run(subject);
                if (digest != expected) return new(Fate.Killed, $"{name}: other bits");
            }
#pragma warning disable CA1031 // whatever it is, the product as it is does not throw it
            catch (Exception e)
#pragma warning restore CA1031
            {
                if (Refused(e) is { } refused) return new(Fate.NotValid, OneLine(refused));
                return new(Fate.Killed, OneLine($"{name}: {(EmulatedDevice.Reports() is [{ } report, ..] ? report : e.Message)}"));
            }
        }
        return new(Fate.Survived, "");
    }

    /// <summary>The product as it is: a share of the trials.</summary>
    /// <exception cref="CheckFailedException">One does not hold: nothing can be said of mutants.</exception>
    public static IEnumerable<Measured> Measure(KernelSources sources, int share, int of)
    {
        using Subject subject = new(sources);
        for (int i = share; i < Trial.All.Count; i += of)
        {
            Measured late = Measure(Trial.All[i], subject);
            yield return late;
            if (late.Kernels.Intersect(KernelTexts.EntriesThatCopyAsync).Any() && Trial.All[i].WithEarlyCopies is { } early) yield return Measure(early, subject);
        }
    }

    private static Measured Measure(Trial trial, Subject subject)
    {
        Switches.ForgetReached();
        Stopwatch clock = Stopwatch.StartNew();
        string digest;
        try
        {
            digest = trial.Run(subject);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{trial.Name}: {e.Message}", e);
        }
        return new(trial.Name, clock.Elapsed.TotalSeconds, digest, EmulatedDevice.Kernels(), Switches.Reached());
    }

    private static string? Refused(Exception e) => e switch
    {
        KernelCompilationException refused => refused.Message,
        AggregateException many => many.InnerExceptions.Select(Refused).FirstOrDefault(static message => message is not null),
        { InnerException: { } inner } => Refused(inner),
        _ => null,
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace('\t', ' ');
}
