using System.CommandLine;
using System.Globalization;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm init`: a checkpoint of random weights.</summary>
internal static class InitCommand
{
    private const string Closing = """
        Examples:
          wavlm init --size base --out random-base
          wavlm init --size my-config.json --seed 7 --out mine

        The folder is one that transformers loads too. The same size and seed give the same bytes everywhere.
        Features of random weights have the right shapes and say nothing about speech.
        """;

    public static Command Create()
    {
        Option<string> size = new("--size") { Description = "A published size, or a config.json like Hugging Face's.", HelpName = "base|base-plus|large|FILE.json", Required = true };
        Option<ulong> seed = new("--seed") { Description = "Other seeds give other weights.", HelpName = "N", DefaultValueFactory = _ => 0 };
        Option<string> output = new("--out") { Description = "The folder to write.", HelpName = "DIR", Required = true };
        ExplainedCommand command = new("init", "Write a checkpoint of random weights, to try things without a trained one.", Closing) { size, seed, output };
        command.SetAction((parsed, _) => Task.FromResult(Write(parsed.GetValue(size)!, parsed.GetValue(seed), parsed.GetValue(output)!)));
        return command;
    }

    private static int Write(string size, ulong seed, string folder)
    {
        using StopSignals signals = new();
        EncoderConfig config = EncoderSizes.Find(size);
        CheckpointInitializer.Write(config, seed, folder, signals.Stop);
        Terminal.WriteError(string.Create(CultureInfo.InvariantCulture, $"{EncoderSizes.Parameters(config):N0} random weights written to {folder}"));
        return ExitCode.Done;
    }
}
