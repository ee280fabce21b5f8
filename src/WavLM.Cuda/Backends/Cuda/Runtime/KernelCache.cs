using System.Buffers.Binary;
using System.Security.Cryptography;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Compiled kernels on disk, by a hash of all that went into them. An entry is believed only as a whole: magic, length, its own
/// key and a hash of the payload, then the payload. Whatever differs is a miss, and the next write replaces it. Processes share
/// the folder without a lock: an entry is written under a name of its own and renamed.
/// A kernel runs with the user's rights on the device, so a folder that is another's, or that others may write to, is not used.
/// </summary>
internal sealed class KernelCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const int HeaderBytes = 8 + 8 + SHA256.HashSizeInBytes + SHA256.HashSizeInBytes;
    private const long MostBytes = 256 << 20;   // a file that claims more is not ours

    private KernelCache(string? folder) => Folder = folder;

    /// <summary>Where the entries lie; null where there is no cache.</summary>
    public string? Folder { get; }

    /// <summary>No cache: every kernel is compiled.</summary>
    public static KernelCache None { get; } = new(null);

    private static ReadOnlySpan<byte> Magic => "WAVLMK01"u8;

    /// <summary>The user's cache: below XDG_CACHE_HOME, or below .cache in the home folder; without either, none.</summary>
    /// <param name="warn">Gets one line where the folder is refused.</param>
    public static KernelCache OfUser(Action<string> warn)
        => Of(Environment.GetEnvironmentVariable("XDG_CACHE_HOME"), Environment.GetEnvironmentVariable("HOME"), warn);

    internal static KernelCache Of(string? cacheHome, string? userHome, Action<string> warn)
    {
        if (Path.IsPathFullyQualified(cacheHome ?? "")) return Open(cacheHome!, warn);   // the specification ignores relative ones
        // A home folder that is not there is not ours to make.
        return Directory.Exists(userHome) ? Open(Path.Combine(userHome, ".cache"), warn) : None;
    }

    /// <summary>The cache below a folder of caches, made where it is missing.</summary>
    public static KernelCache Open(string cacheHome, Action<string> warn)
    {
        string product = Path.Combine(cacheHome, "wavlm-cuda"), folder = Path.Combine(product, "kernels");
        try
        {
            foreach (string part in (ReadOnlySpan<string>)[cacheHome, product, folder])
                CreateFolder(part);
            // Who may write to the parent may put another folder in this one's place.
            foreach (string part in (ReadOnlySpan<string>)[product, folder])
            {
                if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(part) & WritableByOthers) != 0)
                {
                    warn($"{part}: others than its owner may write to it, so compiled kernels are neither read from it nor kept; chmod go-w {part}");
                    return None;
                }
                // Below a folder that all share, such as /tmp, another may have made it first.
                if (OperatingSystem.IsLinux() && !IsOwn(part))
                {
                    warn($"{part}: it belongs to another user, so compiled kernels are neither read from it nor kept; name a folder of your own in XDG_CACHE_HOME");
                    return None;
                }
            }
            return new KernelCache(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return None;
        }
    }

    /// <summary>An entry's payload; null where there is none that can be believed.</summary>
    public byte[]? Read(ReadOnlySpan<byte> key)
    {
        if (Folder is null) return null;
        try
        {
            using FileStream file = File.OpenRead(PathOf(key));
            if (file.Length is < HeaderBytes or > MostBytes) return null;
            byte[] entry = new byte[file.Length];
            file.ReadExactly(entry);
            ReadOnlySpan<byte> header = entry.AsSpan(0, HeaderBytes), payload = entry.AsSpan(HeaderBytes);
            bool sound = header[..8].SequenceEqual(Magic)
                && BinaryPrimitives.ReadInt64LittleEndian(header[8..]) == payload.Length
                && header.Slice(16, SHA256.HashSizeInBytes).SequenceEqual(key)
                && header[(16 + SHA256.HashSizeInBytes)..].SequenceEqual(SHA256.HashData(payload));
            return sound ? payload.ToArray() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a payload. A cache that can't be written to costs time at the next start, nothing else.</summary>
    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> payload)
    {
        if (Folder is null) return;
        Span<byte> header = stackalloc byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], payload.Length);
        key.CopyTo(header[16..]);
        SHA256.HashData(payload, header[(16 + SHA256.HashSizeInBytes)..]);
        string path = PathOf(key), temporary = Path.Combine(Folder, $".{Path.GetRandomFileName()}.tmp");
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(header);
                file.Write(payload);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            DeleteQuietly(temporary);
        }
    }

    /// <summary>An entry's file.</summary>
    public string PathOf(ReadOnlySpan<byte> key) => Path.Combine(Folder!, Convert.ToHexStringLower(key));

    // The administrator needs no folder to do what he likes.
    private static bool IsOwn(string path)
        => LibC.statx(LibC.AT_FDCWD, path, 0, LibC.STATX_UID, out LibC.StatxAnswer answer) == 0 && (answer.stx_uid == LibC.geteuid() || answer.stx_uid == 0);

    private static void CreateFolder(string path)
    {
        if (Directory.Exists(path)) return;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly);
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full or read-only disk; the name is nobody else's.
        }
    }
}
