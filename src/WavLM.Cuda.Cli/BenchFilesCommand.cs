using System.CommandLine;
using WavLM.Cuda.Bench.Passes;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench files`: from FLAC files to feature files.</summary>
internal static class BenchFilesCommand
{
    private const string Closing = """
        Examples:
          wavlm bench files --model wavlm-base-plus speech/
          wavlm bench files --model wavlm-large --load mixed --json files.json speech/

        The recordings are cut and repeated into FLAC files of the load's lengths, in a temporary folder that is removed afterwards.
        """;

    public static Command Create()
    {
        BenchOptions options = new();
        Option<string> load = new("--load") { Description = "Lengths of the files.", HelpName = "64x15|mixed", DefaultValueFactory = _ => "mixed" };
        Option<int> runs = new("--runs") { Description = "Runs to time.", HelpName = "N", DefaultValueFactory = _ => 5 };
        Option<double?> batchSeconds = new("--batch-seconds") { Description = "Audio in a batch. By default what wavlm extract takes.", HelpName = "S" };
        Argument<string[]> recordings = new("INPUT") { Description = "Audio files and folders.", Arity = ArgumentArity.OneOrMore };
        ExplainedCommand command = new("files", "Time the whole way from FLAC files to feature files, and its parts.", Closing) { load, runs, batchSeconds, recordings };
        options.AddTo(command);
        command.SetAction((parsed, _) => BenchCommand.Measure(() => Run(
            options.Read(parsed), Load.Parse(parsed.GetValue(load)!), parsed.GetValue(runs), parsed.GetValue(batchSeconds), parsed.GetValue(recordings)!)));
        return command;
    }

    private static int Run(BenchRequest request, Load load, int runs, double? batchSeconds, string[] recordings)
    {
        if (runs < 1) throw new UsageException($"--runs {runs}: expected at least 1");
        if (batchSeconds is <= 0 or double.NaN) throw new UsageException($"--batch-seconds {batchSeconds}: expected more than 0");
        using BenchSession session = BenchSession.Open(request, Terminal.WriteError);
        BenchResults results = session.Files(load, runs, batchSeconds, recordings, Console.Out);
        if (request.Json is not null) results.Write(request.Json);
        return ExitCode.Done;
    }
}
