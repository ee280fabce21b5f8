using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Cli;

/// <summary>The questions that `wavlm doctor` asks of CUDA. What makes a GPU unusable is returned in words, the rest is reported.</summary>
internal static class CudaExamination
{
    /// <summary>The libraries that are nowhere, by name, a line each with what to install; null if there is none.</summary>
    public static string? Missing(IReadOnlyList<CudaLibraryLocation> libraries)
    {
        string[] missing = [.. libraries.Where(found => found.Handle == 0).Select(found => $"{Names(found.Library)}, {found.Library.What}, is missing. {found.Library.Remedy}")];
        return missing.Length == 0 ? null : string.Join('\n', missing);
    }

    /// <summary>The file names that would do.</summary>
    public static string Names(CudaLibraryName library) => string.Join(" or ", library.Files.Select(file => file.Name));

    /// <summary>The driver's version and the devices it sees.</summary>
    public static string? Devices(DoctorReport report, int ordinal)
    {
        try
        {
            report.Line("CUDA", $"{Dotted(CudaDevice.DriverVersion)} (the newest that this driver runs)");
            int count = CudaDevice.Count;
            if (count == 0) return "the driver sees no device";
            for (int i = 0; i < count; i++)
            {
                DeviceFacts facts = DeviceFacts.Of(i);
                report.Line(
                    $"device {i}",
                    $"{facts.Name}, sm_{facts.Architecture}, {facts.Multiprocessors} multiprocessors, {OutputFolder.DescribeBytes(facts.TotalBytes)} of memory{(i == ordinal ? "" : " (not looked at)")}");
            }
            DeviceFacts.Of(ordinal).RequireUsable();
            return null;
        }
        catch (PlatformNotSupportedException e)
        {
            return e.Message;
        }
        catch (Exception e) when (e is CudaException or DeviceLostException or DeviceMemoryException)
        {
            return $"the driver does not start: {e.Message}";
        }
    }

    /// <summary>Versions of the compiler and of the matrix library, and what kernels are compiled for.</summary>
    public static string? Compiler(DoctorReport report, int ordinal)
    {
        try
        {
            int architecture = DeviceFacts.Of(ordinal).Architecture;
            NvrtcTarget target = NvrtcTarget.For(architecture);
            report.Line("versions", $"NVRTC {NvrtcIdentity.OfLoaded().Version}, cuBLASLt {Gemms.DottedVersion}");
            report.Line("compiled for", target.Cubin ? $"sm_{target.Architecture}" : $"compute_{target.Architecture}: this NVRTC does not know sm_{architecture}, the driver translates");
            return null;
        }
        catch (Exception e) when (e is CudaException or PlatformNotSupportedException)
        {
            return e.Message;
        }
    }

    private static string Dotted(int version) => $"{version / 1000}.{version % 1000 / 10}";
}
