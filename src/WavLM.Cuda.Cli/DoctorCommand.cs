using System.CommandLine;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Cli;

/// <summary>`wavlm doctor`: what there is of CUDA, where it was looked for, and whether it computes what the CPU computes.</summary>
internal static class DoctorCommand
{
    private const string Closing = """
        Examples:
          wavlm doctor
          wavlm doctor --device cuda:1
          WAVLM_CUDA_PATH=/opt/cuda/lib64 wavlm doctor

        Exit code: 0 all is well; 1 an operation computes something else than the CPU; 2 there is no usable GPU, and the last
        lines say what is missing; 3 the device was lost.
        """;

    public static Command Create()
    {
        Option<string> device = new("--device") { Description = "The device to look at and to test.", HelpName = "cuda[:N]", DefaultValueFactory = _ => "cuda" };
        ExplainedCommand command = new("doctor", "Look for a GPU and its libraries, and test every operation on it.", Closing) { device };
        command.SetAction((parsed, _) => Task.FromResult(Examine(Ordinal(parsed.GetValue(device)!))));
        return command;
    }

    private static int Examine(int ordinal)
    {
        DoctorReport report = new(Console.Out);
        if (Environment.GetEnvironmentVariable("NVIDIA_TF32_OVERRIDE") is { Length: > 0 } tf32)
            report.Line("warning", $"NVIDIA_TF32_OVERRIDE={tf32} is set: it changes how NVIDIA's libraries multiply float32; unset it");

        IReadOnlyList<CudaLibraryLocation> libraries = CudaLibraries.Locate();
        report.Libraries(libraries);
        string? missing = CudaExamination.Missing(libraries);
        if (libraries[0].Handle != 0) missing = CudaExamination.Devices(report, ordinal) ?? missing;
        report.Cache();
        if (missing is null) missing = CudaExamination.Compiler(report, ordinal);
        if (missing is null) return SelfTestReport.Write(report, ordinal);

        Terminal.WriteError($"no usable GPU: {missing}");
        return ExitCode.NothingAttempted;
    }

    private static int Ordinal(string text)
    {
        try
        {
            Device device = Device.Parse(text);
            return device.IsCuda ? device.Ordinal : throw new UsageException($"--device {text}: expected cuda or cuda:N");
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }
}
