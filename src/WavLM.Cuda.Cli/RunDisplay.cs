using Spectre.Console;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Cli;

/// <summary>Says how a run goes on: warnings and failed inputs as lines, and a bar where the standard error stream is a terminal.</summary>
internal sealed class RunDisplay(Action<string> writeLine, Action<double> advance) : IExtractionObserver
{
    public static async Task<ExtractionResult> ShowAsync(ExtractionPlan plan, Func<IExtractionObserver, Task<ExtractionResult>> run)
    {
        if (Console.IsErrorRedirected) return await run(new RunDisplay(Terminal.WriteError, _ => { }));

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                ProgressTask audio = context.AddTask("audio", maxValue: Math.Max(plan.Seconds, 1e-3));
                // The console draws the bar again below each line.
                return run(new RunDisplay(line => console.WriteLine($"wavlm: {Terminal.Printable(line)}"), audio.Increment));
            });
    }

    public void Warned(string message) => writeLine($"warning: {message}");

    public void Finished(ManifestRow row)
    {
        if (row.Error is not null) writeLine($"{row.Source}: {row.Error}");
        else advance((double)row.Samples / Resampler.TargetRate);
    }
}
