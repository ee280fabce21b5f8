using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace WavLM.Cuda.Mutants;

/// <summary>This program once more, in a process of its own: a mutant may run for ever, or take its process with it.</summary>
/// <param name="program">The build of it that has the mutant.</param>
/// <param name="device">The folder of the emulated device.</param>
internal sealed class Child(string program, string device)
{
    public const string MeasureOption = "--measure", AttemptOption = "--attempt", SwitchOption = "--switch";

    // Of the child's own processor time, so that a busy machine kills no mutant.
    private static readonly TimeSpan LeastPatience = TimeSpan.FromSeconds(30);
    private const double TimesOfTheOriginal = 20;

    // For one that waits and takes no processor time at all.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    /// <summary>A share of the trials of the product as it is.</summary>
    public Measured[] Measure(int share, int of)
    {
        List<Measured> measured = [];
        using Process process = Start([MeasureOption, share.ToString(CultureInfo.InvariantCulture), of.ToString(CultureInfo.InvariantCulture)]);
        process.StandardInput.Close();
        List<string> errors = [];
        process.ErrorDataReceived += (_, line) => errors.Add(line.Data ?? "");
        process.BeginErrorReadLine();
        while (process.StandardOutput.ReadLine() is { } line) measured.Add(Measured.Parse(line));
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"the product as it is does not pass its trials, so nothing can be said of mutants:\n{string.Join('\n', errors)}");
        return [.. measured];
    }

    /// <summary>Puts a mutant to trials until one does not hold.</summary>
    /// <param name="mutant">How the child finds it.</param>
    /// <param name="trials">As they went with the product as it is, in the order to try them in.</param>
    public Verdict Attempt(string[] mutant, IReadOnlyList<Measured> trials)
    {
        using Process process = Start(mutant);
        process.ErrorDataReceived += static (_, _) => { };   // what the device reports comes back in the verdict
        process.BeginErrorReadLine();
        object gate = new();
        Measured? current = null;
        Verdict? verdict = null;
        TimeSpan spentBefore = default;
        Stopwatch silence = Stopwatch.StartNew();
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not { } text) return;
            lock (gate)
            {
                string[] fields = text.Split('\t');
                if (fields[0] == "trial") (current, spentBefore) = (trials.Single(trial => trial.Trial == fields[1]), Spent(process));
                else if (Enum.TryParse(fields[0], out Fate fate)) verdict = new(fate, fields[1]);
                silence.Restart();
            }
        };
        process.BeginOutputReadLine();
        foreach (Measured trial in trials) process.StandardInput.WriteLine($"{trial.Trial}\t{trial.Digest}");
        process.StandardInput.Close();
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(50)))
        {
            lock (gate)
            {
                TimeSpan patience = LeastPatience + TimesOfTheOriginal * TimeSpan.FromSeconds(current?.Seconds ?? 0);
                if (Spent(process) - spentBefore < patience && silence.Elapsed < LongestSilence) continue;
            }
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return new(Fate.Killed, $"{current?.Trial ?? "its start"}: it does not end");
        }
        process.WaitForExit();   // until its last line was taken
        return verdict ?? new(Fate.Killed, string.Create(CultureInfo.InvariantCulture, $"{current?.Trial ?? "its start"}: the process died of it ({process.ExitCode})"));
    }

    private static TimeSpan Spent(Process process)
    {
        try
        {
            return process.TotalProcessorTime;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return default;   // it has just ended
        }
    }

    private Process Start(string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WAVLM_CUDA_PATH"] = device;
        // A process of few seconds is better off without the second compilation.
        start.Environment["DOTNET_TieredPGO"] = "0";
        return Process.Start(start)!;
    }
}
