using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm info`: what a checkpoint is, and what each convention makes of it.</summary>
internal static class InfoCommand
{
    private const string Closing = """
        Examples:
          wavlm info wavlm-large
          wavlm info WavLM-Base+.pt
        """;

    public static Command Create()
    {
        Argument<string> model = new("MODEL") { Description = "A Hugging Face folder, a unilm .pt or a torchaudio .pth." };
        Option<string?> encoderConfig = new("--encoder-config") { Description = "A config.json in place of the checkpoint's own.", HelpName = "FILE" };
        ExplainedCommand command = new("info", "Show what a checkpoint is.", Closing) { model, encoderConfig };
        command.SetAction((parsed, _) => Task.FromResult(Show(parsed.GetValue(model)!, parsed.GetValue(encoderConfig))));
        return command;
    }

    private static int Show(string model, string? encoderConfig)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model, encoderConfig);
        List<(string Name, string Value)> properties = [.. Properties(checkpoint)];
        List<string[]> conventions = [.. Conventions(checkpoint)];
        if (Console.IsOutputRedirected) WriteText(properties, conventions);
        else WriteTables(properties, conventions);
        return ExitCode.Done;
    }

    private static IEnumerable<(string Name, string Value)> Properties(Checkpoint checkpoint)
    {
        EncoderConfig config = checkpoint.Config;
        yield return ("checkpoint", checkpoint.Path);
        yield return ("format", checkpoint.Format switch
        {
            CheckpointFormat.HuggingFace => "Hugging Face folder",
            CheckpointFormat.Unilm => "unilm .pt",
            _ => "torchaudio .pth",
        });
        yield return ("family", config.ModelType);
        yield return ("parameters", Text($"{checkpoint.Tensors.Sum(t => t.Count):N0} in {checkpoint.Tensors.Count} tensors"));
        yield return ("in memory", $"about {OutputFolder.DescribeBytes(checkpoint.Tensors.Sum(t => t.Count) * sizeof(float))} in fp32, about half of it in fp16 and bf16, a quarter in int8");
        yield return ("layers", Text($"{config.Layers}, {(config.PreNorm ? "pre-norm (with a final norm)" : "post-norm")}"));
        yield return ("width", Text($"{config.Width}; feed-forward {config.FeedForwardWidth}"));
        yield return ("heads", Text($"{config.Heads} of {config.HeadWidth}"));
        yield return ("relative bias", config.Buckets == 0 ? "none" : Text($"{config.Buckets} buckets, up to {config.MaxBucketDistance} frames, gated"));
        yield return ("front end", Text($"{config.ConvLayers.Length} convolutions of {config.ConvWidth}, {(config.FrontEndNorm == FrontEndNorm.Group ? "GroupNorm after the first" : "LayerNorm after each")}, {(config.ConvBias ? "with" : "no")} biases"));
        yield return ("positions", Text($"convolution of {config.PositionalKernel} frames in {config.PositionalGroups} groups"));
        yield return ("frames", Text($"{16_000.0 / config.SamplesPerFrame:0.##} a second, each sees {config.ReceptiveField} samples"));
    }

    private static IEnumerable<string[]> Conventions(Checkpoint checkpoint)
    {
        foreach (string name in FeatureConvention.CommandLineNames)
        {
            if (!FeatureConvention.TryParse(name, out Convention convention)) continue;
            FeatureConvention resolved = FeatureConvention.Resolve(convention, checkpoint);
            yield return
            [
                name,
                resolved.Normalize ? "normalised" : "as it is",
                resolved.Normalize ? resolved.Epsilon.ToString("0E+0", CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal) : "-",
                resolved.NormalizeSource,
                !checkpoint.Config.PreNorm ? "no final norm" : resolved.FinalNorm ? "after the final norm" : "before the final norm",
            ];
        }
    }

    private static readonly string[] Columns = ["convention", "waveform", "eps", "decided by", "last layer"];

    private static void WriteText(List<(string Name, string Value)> properties, List<string[]> conventions)
    {
        foreach ((string name, string value) in properties) Console.WriteLine($"{name + ":",-16}{Terminal.Printable(value)}");
        Console.WriteLine();
        List<string[]> rows = [Columns, .. conventions];
        int[] widths = [.. Columns.Select((_, i) => rows.Max(row => row[i].Length))];
        foreach (string[] row in rows)
            Console.WriteLine(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }

    private static void WriteTables(List<(string Name, string Value)> properties, List<string[]> conventions)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach ((string name, string value) in properties) grid.AddRow(new Text(name, new Style(Color.Grey)), new Text(Terminal.Printable(value)));
        AnsiConsole.Write(grid);
        Table table = new Table().Border(TableBorder.Rounded).AddColumns(Columns);
        foreach (string[] row in conventions) table.AddRow(row.Select(cell => new Text(cell)));
        AnsiConsole.Write(table);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
