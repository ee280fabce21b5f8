using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace WavLM.Cuda.Checkpoints;

/// <summary>An open file of a checkpoint, read at given offsets; every read is compared with the file's length before it is made.</summary>
internal sealed class CheckpointFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private CheckpointFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        _handle = handle;
        Length = length;
    }

    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <exception cref="CheckpointException">The file is missing or may not be read.</exception>
    public static CheckpointFile Open(string path)
    {
        try
        {
            SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.None);
            return new CheckpointFile(path, handle, RandomAccess.GetLength(handle));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "no such file", "a file that can be read", "check the path and fetch the whole checkpoint", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new CheckpointException(path, $"a file that cannot be opened ({e.Message})", "a file that can be read", "check its permissions", e);
        }
    }

    /// <summary>Fills <paramref name="destination"/> with the bytes that begin at <paramref name="offset"/>.</summary>
    /// <exception cref="CheckpointException">The bytes reach past the end of the file, or reading fails.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length)
            throw new CheckpointException(Path, $"{Length:N0} bytes", $"{destination.Length:N0} bytes at {offset:N0}", "fetch the file again, it looks cut short");
        while (destination.Length > 0)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_handle, destination, offset);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(Path, $"a read at {offset:N0} that fails ({e.Message})", "readable bytes", "check the disk and fetch the file again", e);
            }
            if (count == 0)   // the length was right at Open: the file shrank since
                throw new CheckpointException(Path, $"an end at {offset:N0}", $"{Length:N0} bytes, as when it was opened", "do not change the file while it is read");
            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>The whole file as text, for the small JSON files beside the weights.</summary>
    /// <exception cref="CheckpointException">The file is longer than <paramref name="limit"/> bytes.</exception>
    public byte[] ReadAll(long limit)
    {
        if (Length > limit)
            throw new CheckpointException(Path, $"{Length:N0} bytes", $"at most {limit:N0}", "check that this is the right file");
        var bytes = new byte[Length];
        Read(0, bytes);
        return bytes;
    }

    public ulong ReadUInt64(long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public void Dispose() => _handle.Dispose();
}

/// <summary>The files that one checkpoint keeps open, closed together.</summary>
internal sealed class CheckpointFiles : IDisposable
{
    private readonly List<CheckpointFile> _files = [];

    /// <summary>Files that hold weights, in order of name.</summary>
    public IEnumerable<CheckpointFile> InOrderOfName => _files.OrderBy(f => System.IO.Path.GetFileName(f.Path), StringComparer.Ordinal);

    /// <inheritdoc cref="CheckpointFile.Open" />
    public CheckpointFile Open(string path)
    {
        CheckpointFile file = CheckpointFile.Open(path);
        _files.Add(file);
        return file;
    }

    public void Dispose()
    {
        foreach (CheckpointFile file in _files) file.Dispose();
    }
}
