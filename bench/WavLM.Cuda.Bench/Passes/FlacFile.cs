using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using WavLM.Cuda.Audio.Interop;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>Writes what a corpus consists of: FLAC, 16 bits, mono.</summary>
internal static unsafe partial class FlacFile
{
    private const string Library = "sndfile";
    private const int SFM_WRITE = 0x20, SF_FORMAT_FLAC = 0x170000, SF_FORMAT_PCM_16 = 0x0002;

    [SuppressMessage("Usage", "CA2255", Justification = "It only sets the resolver of this very assembly.")]
    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(FlacFile).Assembly, NativeLibraries.Resolve);

    /// <exception cref="BenchException">It cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<float> samples, int rate)
    {
        SF_INFO info = new() { samplerate = rate, channels = 1, format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16 };
        using SndFileHandle file = SndFile.sf_open(path, SFM_WRITE, ref info);
        if (file.IsInvalid) throw new BenchException($"{path}: cannot be written: {Marshal.PtrToStringUTF8((nint)SndFile.sf_strerror_of_open(0))}");
        fixed (float* first = samples)
        {
            if (sf_writef_float(file, first, samples.Length) != samples.Length) throw new BenchException($"{path}: cannot be written to its end; is the disk full?");
        }
    }

    [LibraryImport(Library)]
    private static partial long sf_writef_float(SndFileHandle file, float* interleaved, long frames);
}
