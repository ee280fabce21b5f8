using System.Runtime.InteropServices;

namespace WavLM.Cuda.Native;

/// <summary>The functions of the C library that .NET has no counterpart of: it opens no folders, says neither who owns a file nor which file a library came from, and its Exit waits for finalizers.</summary>
internal static unsafe partial class LibC
{
    private const string Library = "c";

    internal const int O_RDONLY = 0;
    internal const int O_DIRECTORY = 0x10000;
    internal const int O_CLOEXEC = 0x80000;
    internal const int EINVAL = 22;
    internal const int RTLD_DI_LINKMAP = 2;
    internal const int AT_FDCWD = -100;
    internal const uint STATX_UID = 8;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    internal static partial int open(string path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fsync(int descriptor);

    [LibraryImport(Library)]
    internal static partial int close(int descriptor);

    [LibraryImport(Library)]
    internal static partial int dlinfo(nint handle, int request, void* answer);

    [LibraryImport(Library)]
    internal static partial uint geteuid();

    // Not stat: its struct differs from processor to processor.
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint wanted, out StatxAnswer answer);

    [LibraryImport(Library)]
    internal static partial void _exit(int status);

    /// <summary>struct statx, what is asked for.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct StatxAnswer
    {
        [FieldOffset(20)] public uint stx_uid;
    }
}
