using System.Runtime.InteropServices;

namespace WavLM.Cuda.Audio.Interop;

/// <summary>The functions of libsndfile that decoding calls (sndfile.h, 1.2).</summary>
internal static unsafe partial class SndFile
{
    private const string Library = "sndfile";   // a key for NativeLibraries, not a file name

    internal const int SFM_READ = 0x10;
    internal const int SFC_GET_LOG_INFO = 0x1001;
    internal const int SF_FORMAT_TYPEMASK = 0x0FFF0000;
    internal const int SF_FORMAT_MPEG = 0x230000;

    /// <summary>What libsndfile gives for a length it can't know.</summary>
    internal const long SF_COUNT_MAX = long.MaxValue;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial SndFileHandle sf_open(string path, int mode, ref SF_INFO info);

    [LibraryImport(Library)]
    internal static partial long sf_readf_float(SndFileHandle file, float* interleaved, long frames);

    [LibraryImport(Library)]
    internal static partial int sf_command(SndFileHandle file, int command, byte* text, int size);

    [LibraryImport(Library)]
    internal static partial int sf_error(SndFileHandle file);

    [LibraryImport(Library)]
    internal static partial byte* sf_strerror(SndFileHandle file);

    [LibraryImport(Library, EntryPoint = "sf_strerror")]
    internal static partial byte* sf_strerror_of_open(nint nullFile);

    [LibraryImport(Library)]
    internal static partial int sf_close(nint file);
}

/// <summary>SF_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SF_INFO
{
    internal long frames;
    internal int samplerate;
    internal int channels;
    internal int format;
    internal int sections;
    internal int seekable;
}

/// <summary>SNDFILE*.</summary>
internal sealed class SndFileHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => SndFile.sf_close(handle) == 0;
}
