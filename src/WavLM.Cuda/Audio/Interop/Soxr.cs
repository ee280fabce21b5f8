using System.Runtime.InteropServices;

namespace WavLM.Cuda.Audio.Interop;

/// <summary>The functions of libsoxr that resampling calls (soxr.h, 0.1.3).</summary>
internal static unsafe partial class Soxr
{
    private const string Library = "soxr";   // a key for NativeLibraries, not a file name

    /// <summary>The recipe for very high quality.</summary>
    internal const ulong SOXR_VHQ = 6;

    [LibraryImport(Library)]
    internal static partial SoxrHandle soxr_create(
        double inputRate, double outputRate, uint channels, out byte* error, nint ioSpec, in soxr_quality_spec_t quality, nint runtimeSpec);

    [LibraryImport(Library)]
    internal static partial byte* soxr_process(SoxrHandle soxr, float* input, nuint inputLength, out nuint inputDone,
        float* output, nuint outputLength, out nuint outputDone);

    [LibraryImport(Library)]
    internal static partial soxr_quality_spec_t soxr_quality_spec(ulong recipe, ulong flags);

    [LibraryImport(Library)]
    internal static partial void soxr_delete(nint soxr);
}

/// <summary>soxr_quality_spec_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct soxr_quality_spec_t
{
    internal double precision;
    internal double phase_response;
    internal double passband_end;
    internal double stopband_begin;
    internal nint e;
    internal ulong flags;
}

/// <summary>soxr_t.</summary>
internal sealed class SoxrHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Soxr.soxr_delete(handle);
        return true;
    }
}
