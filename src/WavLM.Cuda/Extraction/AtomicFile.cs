using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Extraction;

/// <summary>
/// A file that is there complete or not at all, whatever ends the process: written under another name in the same folder,
/// flushed to the disk, renamed, and the folder flushed. What a killed run left under the other name, the next one overwrites.
/// </summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly string _path, _temporary;
    private readonly SafeFileHandle _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _committed;

    private AtomicFile(string path)
    {
        _path = path;
        _temporary = TemporaryName(path);
        _file = File.OpenHandle(_temporary, FileMode.Create, FileAccess.Write);
    }

    /// <summary>Bytes written so far.</summary>
    public long Length { get; private set; }

    public static AtomicFile Create(string path) => new(path);

    public static string TemporaryName(string path)
        => Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.tmp");

    public void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file, bytes, Length);
        _hash.AppendData(bytes);
        Length += bytes.Length;
    }

    /// <summary>Begins with another file's content.</summary>
    public void CopyFrom(string path)
    {
        byte[] buffer = new byte[1 << 16];
        using SafeFileHandle from = File.OpenHandle(path);
        for (int read; (read = RandomAccess.Read(from, buffer, Length)) > 0;) Write(buffer.AsSpan(0, read));
    }

    /// <summary>Gives the file its name.</summary>
    /// <returns>The SHA-256 of its content, in lower-case hexadecimal.</returns>
    public string Commit()
    {
        RandomAccess.FlushToDisk(_file);
        _file.Dispose();
        File.Move(_temporary, _path, overwrite: true);
        _committed = true;
        FlushFolder(Path.GetDirectoryName(_path)!);
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <summary>Without a commit, nothing of it stays.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        _file.Dispose();
        if (!_committed) File.Delete(_temporary);
    }

    /// <summary>Makes new names in a folder last through a power failure. .NET opens no folders, so the C library does.</summary>
    public static void FlushFolder(string folder)
    {
        int descriptor = LibC.open(folder, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
        if (descriptor < 0) throw Failed(folder);
        try
        {
            // EINVAL is how a file system says that it has no such thing for folders.
            if (LibC.fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != LibC.EINVAL) throw Failed(folder);
        }
        finally
        {
            _ = LibC.close(descriptor);
        }

        static IOException Failed(string folder) => new($"{folder}: the folder can't be flushed to the disk: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}
