using System.CommandLine;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Cli;

/// <summary>The options of `wavlm extract`: their text, and their values out of what was typed.</summary>
internal sealed class ExtractOptions
{
    private readonly Option<string> _model = new("--model") { Description = "A Hugging Face folder, a unilm .pt or a torchaudio .pth.", HelpName = "MODEL", Required = true };
    private readonly Option<string> _out = new("--out") { Description = "The folder to write features and manifest.jsonl into.", HelpName = "DIR", Required = true };
    private readonly Option<string> _layers = new("--layers") { Description = "Hidden states to write: last, all, numbers and ranges. 0 is the transformer's input.", HelpName = "last|all|6|0,6,9-12", DefaultValueFactory = _ => "last" };
    private readonly Option<string> _device = new("--device") { Description = "Where to compute. auto: on the first CUDA device, or the CPU where there is none.", HelpName = "auto|cpu|cuda[:N]", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _precision = new("--precision") { Description = "Type of the matrix operands. auto: fp16 on CUDA, which has no int8, and fp32 on the CPU, which has no fp16; there bf16 wants AVX-512, int8 its VNNI.", HelpName = "auto|fp32|fp16|bf16|int8", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _convention = new("--convention") { Description = "Whose features to reproduce.", HelpName = string.Join('|', FeatureConvention.CommandLineNames), DefaultValueFactory = _ => "hf" };
    private readonly Option<string> _normalize = new("--normalize") { Description = "Normalise each waveform. auto: as checkpoint and convention say; wavlm info shows it.", HelpName = "auto|on|off", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _finalNorm = new("--final-norm") { Description = "Last layer of a pre-norm model (Large): after its final norm (on) or before it (off).", HelpName = "auto|on|off", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _channel = new("--channel") { Description = "The mean of all channels, one of them, or each as an utterance of its own (<id>-ch0, ...).", HelpName = "mean|0|1|each", DefaultValueFactory = _ => "mean" };
    private readonly Option<int> _threads = new("--threads") { Description = "Threads that compute. Features do not depend on it.", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<double?> _batchSeconds = new("--batch-seconds") { Description = "Audio in a batch: more takes more memory. Features do not depend on it. By default 1200 on a GPU, 120 on the CPU.", HelpName = "S" };
    private readonly Option<string?> _encoderConfig = new("--encoder-config") { Description = "A config.json in place of the checkpoint's own, or for a .pth that has none.", HelpName = "FILE" };
    private readonly Option<bool> _force = new("--force") { Description = "Go on where the volume has less room than the features need." };
    private readonly Argument<string[]> _inputs = new("INPUT") { Description = $"Audio files ({AudioFormats.Extensions}) and folders of them.", Arity = ArgumentArity.OneOrMore };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_model, _out, _layers, _device, _precision, _convention, _normalize, _finalNorm, _channel, _threads, _batchSeconds, _encoderConfig, _force])
            command.Add(option);
        command.Add(_inputs);
    }

    /// <exception cref="UsageException">A value is none of those there are.</exception>
    public ExtractRequest Read(ParseResult parsed)
    {
        RefuseUnknownOptions(parsed.GetValue(_inputs)!);
        Device device = ParseDevice(parsed.GetValue(_device)!);
        int threads = parsed.GetValue(_threads);
        if (threads < 1) throw new UsageException($"--threads {threads}: expected 1 or more");
        double? batchSeconds = parsed.GetValue(_batchSeconds);
        if (batchSeconds is not (null or (> 0 and <= 1e6))) throw new UsageException($"--batch-seconds {batchSeconds}: expected seconds above 0, at most a million");
        string convention = parsed.GetValue(_convention)!;
        return new()
        {
            Model = parsed.GetValue(_model)!,
            Out = parsed.GetValue(_out)!,
            Layers = parsed.GetValue(_layers)!,
            Device = device,
            Precision = ParsePrecision(parsed.GetValue(_precision)!),
            Convention = FeatureConvention.TryParse(convention, out Convention known) ? known
                : throw new UsageException($"--convention {convention}: expected {string.Join(", ", FeatureConvention.CommandLineNames)}"),
            Normalize = Switch("--normalize", parsed.GetValue(_normalize)!),
            FinalNorm = Switch("--final-norm", parsed.GetValue(_finalNorm)!),
            Channel = Channel(parsed.GetValue(_channel)!),
            Threads = threads,
            BatchSeconds = batchSeconds,
            EncoderConfig = parsed.GetValue(_encoderConfig),
            Force = parsed.GetValue(_force),
            Inputs = parsed.GetValue(_inputs)!,
        };
    }

    // The parser takes a mistyped option for one more input.
    private static void RefuseUnknownOptions(IEnumerable<string> inputs)
    {
        if (inputs.FirstOrDefault(input => input.StartsWith('-') && !Path.Exists(input)) is { } option)
            throw new UsageException($"{option}: no such option; see wavlm extract --help. A file of that name is given as ./{option}");
    }

    private static Device ParseDevice(string text)
    {
        try
        {
            return Device.Parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }

    private static Precision? ParsePrecision(string text)
    {
        try
        {
            return Precisions.Parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }

    private static bool? Switch(string option, string text) => text switch
    {
        "auto" => null,
        "on" => true,
        "off" => false,
        _ => throw new UsageException($"{option} {text}: expected auto, on or off"),
    };

    private static ChannelSelection Channel(string text)
    {
        try
        {
            return ChannelSelection.Parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }
}

/// <summary>What `wavlm extract` was asked for.</summary>
internal sealed record ExtractRequest
{
    public required string Model { get; init; }
    public required string Out { get; init; }
    public required string Layers { get; init; }
    public required Device Device { get; init; }
    public required Precision? Precision { get; init; }
    public required Convention Convention { get; init; }
    public required bool? Normalize { get; init; }
    public required bool? FinalNorm { get; init; }
    public required ChannelSelection Channel { get; init; }
    public required int Threads { get; init; }
    /// <summary>Null for what suits the device.</summary>
    public required double? BatchSeconds { get; init; }
    public required string? EncoderConfig { get; init; }
    public required bool Force { get; init; }
    public required IReadOnlyList<string> Inputs { get; init; }
}
