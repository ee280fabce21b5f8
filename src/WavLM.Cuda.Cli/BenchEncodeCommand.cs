using System.CommandLine;
using WavLM.Cuda.Bench.Passes;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench encode`: whole passes, and where their time goes.</summary>
internal static class BenchEncodeCommand
{
    private const string Closing = """
        Examples:
          wavlm bench encode --model wavlm-large
          wavlm bench encode --model wavlm-base-plus --device cpu --load 1x10 --load mixed --json passes.json

        A load is UTTERANCESxSECONDS, mixed (64 utterances of 2 to 35 s, 12 on average) or hour (one of 3,600 s). A time is from
        waveforms in memory to the last layer in memory.
        """;

    public static Command Create()
    {
        BenchOptions options = new();
        Option<string[]> loads = new("--load") { Description = "What to encode in one pass; several times for several. By default what suits the device.", HelpName = "64x15|mixed|hour" };
        Option<int> runs = new("--runs") { Description = "Passes to time of each load.", HelpName = "N", DefaultValueFactory = _ => 10 };
        Option<bool> ownAlgorithms = new("--own-algorithms") { Description = "Once more with matrix algorithms chosen for each load's rows: what one choice for all batches, and so the same bits in each, costs. CUDA only." };
        ExplainedCommand command = new("encode", "Time whole passes stage by stage, beside the least time they could take.", Closing) { loads, runs, ownAlgorithms };
        options.AddTo(command);
        command.SetAction((parsed, _) => BenchCommand.Measure(() => Run(options.Read(parsed), parsed.GetValue(loads) ?? [], parsed.GetValue(runs), parsed.GetValue(ownAlgorithms))));
        return command;
    }

    private static int Run(BenchRequest request, string[] loads, int runs, bool ownAlgorithms)
    {
        if (runs < 1) throw new UsageException($"--runs {runs}: expected at least 1");
        using BenchSession session = BenchSession.Open(request, Terminal.WriteError);
        IReadOnlyList<Load> wanted = [.. (loads.Length > 0 ? loads : session.UsualLoads).Select(Load.Parse)];
        BenchResults results = session.Encode(wanted, runs, ownAlgorithms, Console.Out);
        if (request.Json is not null) results.Write(request.Json);
        return results.Measurements.Any(static pass => pass.Seconds.Count > 0) ? ExitCode.Done : ExitCode.InputsFailed;
    }
}
