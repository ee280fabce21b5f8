using System.CommandLine;
using WavLM.Cuda.Bench.Comparison;
using WavLM.Cuda.Bench.Report;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench compare`: is the second file slower than the first, beyond noise?</summary>
internal static class BenchCompareCommand
{
    private const string Closing = """
        Exit codes: 0 nothing is slower; 1 something is, and the last line names it; 2 nothing could be compared.

        Examples:
          wavlm bench compare before.json after.json
          wavlm bench compare before.json after.json --html comparison.html
        """;

    public static Command Create()
    {
        Argument<string> a = new("A") { Description = "Measurements of before, as `wavlm bench kernels --json` writes them." };
        Argument<string> b = new("B") { Description = "Measurements of after, of the same machine." };
        Option<string?> html = new("--html") { Description = "Write a report with plots, too.", HelpName = "FILE" };
        ExplainedCommand command = new("compare", "Say what is slower in B than in A, beyond noise.", Closing) { a, b, html };
        command.SetAction((parsed, _) => Task.FromResult(Compare(parsed.GetValue(a)!, parsed.GetValue(b)!, parsed.GetValue(html))));
        return command;
    }

    private static int Compare(string pathOfA, string pathOfB, string? html)
    {
        BenchResults a = BenchResults.Read(pathOfA), b = BenchResults.Read(pathOfB);
        var comparison = ResultsComparison.Of(a, b);
        ComparisonText text = new(comparison, pathOfA, pathOfB);
        if (html is not null) new HtmlReport([(pathOfA, a), (pathOfB, b)], comparison, text).Write(html);
        foreach (string line in text.Lines()) Console.WriteLine(Terminal.Printable(line));
        return comparison.IsSlower ? ExitCode.Slower : ExitCode.Done;
    }
}
