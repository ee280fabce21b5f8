using System.Buffers.Binary;
using System.Text;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Where a record of an archive lies in its file.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">Its bytes.</param>
internal readonly record struct ZipRecord(long Offset, long Length);

/// <summary>
/// A zip archive of uncompressed records, as torch.save writes it (PKWARE's APPNOTE, sections 4.3.7 to 4.3.16). The central directory
/// counts, for torch leaves the sizes in front of the records empty. Refused: compression, encryption, several disks, a name twice,
/// records that overlap or reach into the directory.
/// </summary>
internal sealed class StoredZip
{
    private const uint LocalSignature = 0x04034B50, CentralSignature = 0x02014B50, EndSignature = 0x06054B50;
    private const uint End64Signature = 0x06064B50, Locator64Signature = 0x07064B50;
    private const int LocalBytes = 30, CentralBytes = 46, EndBytes = 22, LocatorBytes = 20, End64Bytes = 56;
    private const int MaxRecords = 100_000, MaxDirectoryBytes = 64 << 20;
    private const string FetchAgain = "fetch the file again, it looks cut short or damaged";

    private readonly Dictionary<string, ZipRecord> _records = new(StringComparer.Ordinal);
    private readonly List<(long Begin, string Name)> _headers = [];

    private StoredZip(CheckpointFile file) => File = file;

    public CheckpointFile File { get; }

    /// <summary>Records by their names.</summary>
    public IReadOnlyDictionary<string, ZipRecord> Records => _records;

    /// <exception cref="CheckpointException">The file is no such archive.</exception>
    public static StoredZip Open(CheckpointFile file)
    {
        (long offset, long bytes, long count) = FindDirectory(file);
        var directory = new byte[bytes];
        file.Read(offset, directory);
        var zip = new StoredZip(file);
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++) rest = rest[zip.ReadEntry(rest, offset)..];

        long end = 0;
        foreach ((long begin, string name) in zip._headers.Order())
        {
            if (begin < end) throw Damaged(file, $"the record {name} inside another", "records one after another");
            end = zip._records[name].Offset + zip._records[name].Length;
        }
        return zip;
    }

    private static (long Offset, long Bytes, long Count) FindDirectory(CheckpointFile file)
    {
        var tail = new byte[Math.Min(file.Length, EndBytes + ushort.MaxValue)];
        file.Read(file.Length - tail.Length, tail);
        int at = tail.Length - EndBytes;
        while (at >= 0 && !(U32(tail, at) == EndSignature && at + EndBytes + U16(tail, at + 20) == tail.Length)) at--;
        if (at < 0) throw Damaged(file, "no zip directory at its end", "a zip archive as torch.save writes it");

        long endRecord = file.Length - tail.Length + at;
        if (U16(tail, at + 4) != 0 || U16(tail, at + 6) != 0) throw Damaged(file, "an archive in several parts", "one file");
        (long offset, long bytes, long count) = (U32(tail, at + 16), U32(tail, at + 12), U16(tail, at + 10));
        if (offset == uint.MaxValue || bytes == uint.MaxValue || count == ushort.MaxValue)
            (offset, bytes, count) = ReadDirectory64(file, endRecord);
        if (count > MaxRecords || bytes > MaxDirectoryBytes || bytes < count * CentralBytes || offset < 0 || offset > endRecord - bytes)
            throw Damaged(file, $"a directory of {count:N0} records in {bytes:N0} bytes at {offset:N0} of {file.Length:N0}", $"up to {MaxRecords:N0} records, inside the file");
        return (offset, bytes, count);
    }

    // Files of 4 GiB and more state the directory's place a second time, in 64 bits.
    private static (long Offset, long Bytes, long Count) ReadDirectory64(CheckpointFile file, long endRecord)
    {
        Span<byte> locator = stackalloc byte[LocatorBytes], end = stackalloc byte[End64Bytes];
        if (endRecord >= LocatorBytes)
        {
            file.Read(endRecord - LocatorBytes, locator);
            long at = (long)BinaryPrimitives.ReadUInt64LittleEndian(locator[8..]);
            if (U32(locator, 0) == Locator64Signature && at >= 0 && at <= endRecord - LocatorBytes - End64Bytes)
            {
                file.Read(at, end);
                if (U32(end, 0) == End64Signature)
                    return ((long)BinaryPrimitives.ReadUInt64LittleEndian(end[48..]), (long)BinaryPrimitives.ReadUInt64LittleEndian(end[40..]), (long)BinaryPrimitives.ReadUInt64LittleEndian(end[32..]));
            }
        }
        throw Damaged(file, "no 64-bit zip directory", "one, as the archive's end says");
    }

    private int ReadEntry(ReadOnlySpan<byte> entry, long directory)
    {
        if (entry.Length < CentralBytes || U32(entry, 0) != CentralSignature) throw Damaged(File, "a directory that ends early", "an entry for each record");
        int nameBytes = U16(entry, 28), extraBytes = U16(entry, 30), commentBytes = U16(entry, 32);
        int total = CentralBytes + nameBytes + extraBytes + commentBytes;
        if (entry.Length < total) throw Damaged(File, "a directory that ends early", "an entry for each record");

        string name = Encoding.UTF8.GetString(entry.Slice(CentralBytes, nameBytes));
        if ((U16(entry, 8) & 1) != 0) throw Damaged(File, $"the encrypted record {name}", "plain records", "save the checkpoint again with torch.save");
        if (U16(entry, 10) != 0) throw Damaged(File, $"the compressed record {name}", "stored records", "save the checkpoint again with torch.save, which does not compress");
        long compressed = U32(entry, 20), length = U32(entry, 24), local = U32(entry, 42);
        ReadSizes64(entry.Slice(CentralBytes + nameBytes, extraBytes), ref length, ref compressed, ref local);
        if (compressed != length || length < 0 || local < 0 || local > directory - LocalBytes - nameBytes)
            throw Damaged(File, $"the record {name} of {compressed:N0} bytes for {length:N0} at {local:N0}", "a stored record inside the file");

        long offset = local + ReadLocalHeader(name, entry.Slice(CentralBytes, nameBytes), local);
        if (length > directory - offset) throw Damaged(File, $"the record {name} of {length:N0} bytes at {offset:N0}", $"an end before the directory at {directory:N0}");
        if (!_records.TryAdd(name, new ZipRecord(offset, length))) throw Damaged(File, $"the record {name} twice", "each name once");
        _headers.Add((local, name));
        return total;
    }

    // Extra field 1 holds, in this order, those of the three numbers that do not fit into 32 bits.
    private void ReadSizes64(ReadOnlySpan<byte> extra, ref long length, ref long compressed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int bytes = U16(extra, 2);
            if (bytes > extra.Length - 4) break;
            if (U16(extra, 0) == 1)
            {
                ReadOnlySpan<byte> numbers = extra.Slice(4, bytes);
                Take(ref length, ref numbers);
                Take(ref compressed, ref numbers);
                Take(ref local, ref numbers);
                return;
            }
            extra = extra[(4 + bytes)..];
        }

        void Take(ref long value, ref ReadOnlySpan<byte> numbers)
        {
            if (value != uint.MaxValue) return;
            if (numbers.Length < 8) throw Damaged(File, "a 64-bit size that is cut short", "8 bytes");
            value = (long)BinaryPrimitives.ReadUInt64LittleEndian(numbers);
            numbers = numbers[8..];
        }
    }

    private int ReadLocalHeader(string name, ReadOnlySpan<byte> nameBytes, long local)
    {
        Span<byte> header = new byte[LocalBytes + nameBytes.Length];
        File.Read(local, header);
        if (U32(header, 0) != LocalSignature || U16(header, 26) != nameBytes.Length || !header[LocalBytes..].SequenceEqual(nameBytes))
            throw Damaged(File, $"no record {name} at {local:N0}", "the record that the directory names");
        return LocalBytes + nameBytes.Length + U16(header, 28);
    }

    private static CheckpointException Damaged(CheckpointFile file, string found, string expected, string remedy = FetchAgain)
        => new(file.Path, found, expected, remedy);

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
