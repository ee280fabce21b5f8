using System.CommandLine;
using WavLM.Cuda.Bench.Report;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench report`: files of measurements as one page with plots.</summary>
internal static class BenchReportCommand
{
    private const string Closing = """
        The page is one file and loads nothing: it opens from a folder, offline, and prints.

        Examples:
          wavlm bench report kernels.json encode.json peers.json --out report.html
        """;

    public static Command Create()
    {
        Argument<string[]> results = new("RESULTS") { Description = "Files of measurements, shown in this order.", Arity = ArgumentArity.OneOrMore };
        Option<string> output = new("--out") { Description = "The page.", HelpName = "FILE", Required = true };
        ExplainedCommand command = new("report", "Show measurements as a page with plots.", Closing) { results, output };
        command.SetAction((parsed, _) => Task.FromResult(Write(parsed.GetValue(results)!, parsed.GetValue(output)!)));
        return command;
    }

    private static int Write(string[] paths, string output)
    {
        new HtmlReport([.. paths.Select(path => (path, BenchResults.Read(path)))]).Write(output);
        Console.WriteLine(Terminal.Printable(output));
        return ExitCode.Done;
    }
}
