using System.Globalization;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Cli;

/// <summary>What `wavlm doctor` writes: aligned lines of plain text, a title and its value.</summary>
internal sealed class DoctorReport(TextWriter output)
{
    private const int TitleColumns = 16;

    public void Line(string title, string value) => output.WriteLine($"{title,-TitleColumns}{Terminal.Printable(value)}");

    public void Line(string title, FormattableString value) => Line(title, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Each library, and below it the places that were looked at before it was found.</summary>
    public void Libraries(IReadOnlyList<CudaLibraryLocation> libraries)
    {
        foreach (CudaLibraryLocation found in libraries)
        {
            string kind = found.Emulated ? "emulated" : "real";
            Line(Title(found), found.Handle == 0 ? $"NOT FOUND: {CudaExamination.Names(found.Library)}" : $"{found.Path} ({kind})");
            foreach (TriedPlace tried in found.Tried) Line("  looked at", $"{tried.Place}: {tried.Reason}");
        }
    }

    /// <summary>Where compiled kernels are kept, and what lies there.</summary>
    public void Cache()
    {
        string? refused = null;
        KernelCache cache = KernelCache.OfUser(warning => refused = warning);
        if (cache.Folder is null)
        {
            Line("kernel cache", $"none, every start compiles: {refused ?? "no folder can be made below XDG_CACHE_HOME or HOME/.cache"}");
            return;
        }
        FileInfo[] entries = [.. new DirectoryInfo(cache.Folder).EnumerateFiles().Where(file => !file.Name.StartsWith('.'))];
        Line("kernel cache", $"{cache.Folder}: {entries.Length} kernel{(entries.Length == 1 ? "" : "s")}, {OutputFolder.DescribeBytes(entries.Sum(file => file.Length))}");
    }

    private static string Title(CudaLibraryLocation found) => found.Library.Key switch
    {
        CudaLibraries.Driver => "driver",
        CudaLibraries.Nvrtc => "NVRTC",
        _ => "cuBLASLt",
    };
}
