using System.CommandLine;
using WavLM.Cuda.Bench;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm bench`: how fast it is here, and how far from what the machine could do.</summary>
internal static class BenchCommand
{
    private const string Closing = """
        Examples:
          wavlm bench kernels --json kernels.json
          wavlm bench encode --model wavlm-large --json encode.json
          wavlm bench files --model wavlm-base-plus speech/
          wavlm bench compare before.json after.json
          wavlm bench report kernels.json encode.json --out report.html
        """;

    public static Command Create()
    {
        ExplainedCommand command = new("bench", "Measure kernels, passes and whole jobs, and compare measurements.", Closing)
        {
            BenchKernelsCommand.Kernels(),
            BenchKernelsCommand.Operations(),
            BenchEncodeCommand.Create(),
            BenchFilesCommand.Create(),
            BenchCompareCommand.Create(),
            BenchReportCommand.Create(),
            Serving(),
        };
        return command;
    }

    /// <summary>Runs a benchmark, on a device that may be lost on the way.</summary>
    public static Task<int> Measure(Func<int> benchmark)
    {
        try
        {
            return Task.FromResult(benchmark());
        }
        catch (DeviceLostException e)
        {
            Terminal.WriteError(e.Message);
            return Task.FromResult(ExitCode.DeviceLost);
        }
    }

    // For the scripts of bench/peers, which are its only users.
    private static Command Serving()
    {
        Command command = new("serve", "Answer the comparison with other engines on standard input and output.") { Hidden = true };
        command.SetAction((_, _) => Task.FromResult(Serve.Run(Console.In, Console.Out)));
        return command;
    }
}
