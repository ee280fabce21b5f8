using System.CommandLine;
using System.Globalization;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm extract`: recordings to feature files.</summary>
internal static class ExtractCommand
{
    private const string Closing = """
        Examples:
          wavlm extract --model wavlm-base-plus --out features speech/
          wavlm extract --model WavLM-Large.pt --out features --layers 6,9-12 --precision fp32 a.wav b.flac
          wavlm extract --model wavlm-base --out features --channel each call.wav

        Written are DIR/<id>.npy, float32 [frames, dim] for one layer and [layers, frames, dim] for several, and
        DIR/manifest.jsonl, a row an utterance. An id is a file's name without its extension, or its path below the
        folder given. A frame is 20 ms. Hidden files in a folder are passed over.

        Exit code: 0 all done; 1 an input failed, the others are done; 2 nothing was attempted; 3 the device was lost;
        130, 143 stopped by a signal.
        """;

    public static Command Create()
    {
        ExtractOptions options = new();
        ExplainedCommand command = new("extract", "Write the features of recordings.", Closing);
        options.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(options.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(ExtractRequest request)
    {
        using StopSignals signals = new();
        Device device = request.Device.Resolve(out string? whyNotCuda);
        Precision precision = Precisions.On(device, request.Precision, whyNotCuda);
        device.RequireUsable();   // before anything is read: a device that is not there is no reason to hash gigabytes
        using Checkpoint checkpoint = Checkpoint.Open(request.Model, request.EncoderConfig);
        LayerSelection layers = Layers(request.Layers, checkpoint);
        FeatureConvention convention = FeatureConvention.Resolve(request.Convention, checkpoint, request.Normalize, request.FinalNorm);
        IReadOnlyList<AudioInput> inputs = AudioInputs.Find(request.Inputs);
        OutputFolder folder = OutputFolder.Open(request.Out);

        ExtractionPlan plan = ExtractionPlan.Make(inputs, request.Channel, checkpoint.Config, layers, signals.Stop);
        Terminal.WriteError(Estimate(plan, folder));
        if (!request.Force) folder.RequireRoomFor(plan);
        if (whyNotCuda is not null) Terminal.WriteError($"computing on the CPU: {whyNotCuda}");

        EncoderOptions options = new() { Device = device, Precision = precision, Threads = request.Threads, Convention = convention, Warn = Terminal.WriteError };
        using SpeechEncoder encoder = SpeechEncoder.Load(checkpoint, options, signals.Stop);
        FeatureSettings settings = Settings(convention, checkpoint, encoder);
        ExtractionResult result = await RunDisplay.ShowAsync(plan, observer =>
            new ExtractionRun(encoder, plan, folder, settings, request.BatchSeconds ?? ExtractionRun.UsualBatchSeconds(device), observer).RunAsync(signals.Stop));
        return Report(result, folder);
    }

    private static LayerSelection Layers(string text, Checkpoint checkpoint)
    {
        try
        {
            return LayerSelection.Parse(text, checkpoint.Config);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }

    private static string Estimate(ExtractionPlan plan, OutputFolder folder) => string.Create(CultureInfo.InvariantCulture,
        $"{plan.Rows} utterance{(plan.Rows == 1 ? "" : "s")}, {TimeSpan.FromSeconds(Math.Round(plan.Seconds, 1)):hh\\:mm\\:ss\\.f} of audio: about {OutputFolder.DescribeBytes(plan.OutputBytes)} will be written, {OutputFolder.DescribeBytes(folder.FreeBytes)} are free");

    private static FeatureSettings Settings(FeatureConvention convention, Checkpoint checkpoint, SpeechEncoder encoder) => new()
    {
        Convention = FeatureConvention.CommandLineName(convention.Convention),
        Normalised = convention.Normalize,
        NormalisationEpsilon = convention.Normalize ? convention.Epsilon : null,
        NormalisationSource = convention.NormalizeSource,
        FinalNorm = checkpoint.Config.PreNorm ? convention.FinalNorm : null,
        Precision = encoder.Precision,
        ModelSha256 = checkpoint.WeightsSha256(),
        DeviceSet = encoder.DeviceSet,
    };

    private static int Report(ExtractionResult result, OutputFolder folder)
    {
        string failed = result.Failed == 0 ? "" : $", {result.Failed} input{(result.Failed == 1 ? "" : "s")} failed";
        string summary = $"{result.Done} utterance{(result.Done == 1 ? "" : "s")} written to {folder.FullPath}{failed}";
        switch (result.End)
        {
            case ExtractionEnd.DeviceLost:
                Terminal.WriteError(result.DeviceMessage!);
                Terminal.WriteError($"{summary}; the manifest holds what is finished");
                return ExitCode.DeviceLost;
            case ExtractionEnd.Stopped:
                Terminal.WriteError($"stopped: {summary}; the manifest holds what is finished");
                return StopSignals.Received ?? ExitCode.NothingAttempted;
            default:
                Terminal.WriteError(summary);
                return result.Failed == 0 ? ExitCode.Done : ExitCode.InputsFailed;
        }
    }
}
