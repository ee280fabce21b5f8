using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>The pixels of a PNG file as browsers write screenshots: 8 bits, RGB or RGBA, not interlaced.</summary>
internal sealed class Png
{
    private readonly byte[] _pixels;
    private readonly int _channels;

    private Png(int width, int height, int channels, byte[] pixels) => (Width, Height, _channels, _pixels) = (width, height, channels, pixels);

    public int Width { get; }

    public int Height { get; }

    /// <summary>0xRRGGBB; -1 outside.</summary>
    public int this[int x, int y]
    {
        get
        {
            if (x < 0 || y < 0 || x >= Width || y >= Height) return -1;
            int at = (y * Width + x) * _channels;
            return _pixels[at] << 16 | _pixels[at + 1] << 8 | _pixels[at + 2];
        }
    }

    public static Png Read(string path)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        Assert.Equal("\u0089PNG\r\n\u001a\n", Encoding.Latin1.GetString(file[..8]));
        (int width, int height, int channels) = (0, 0, 0);
        using MemoryStream packed = new();
        for (int at = 8; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file[at..]);
            string kind = Encoding.ASCII.GetString(file.Slice(at + 4, 4));
            ReadOnlySpan<byte> content = file.Slice(at + 8, length);
            if (kind == "IHDR")
            {
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
                Assert.Equal((8, 0), (content[8], content[12]));   // bits, interlacing
                channels = content[9] switch { 2 => 3, 6 => 4, byte other => throw new InvalidDataException($"{path}: colours of kind {other}") };
            }
            else if (kind == "IDAT") packed.Write(content);
            at += length + 12;
        }
        packed.Position = 0;
        return new(width, height, channels, Unfiltered(packed, width * channels, height, channels));
    }

    private static byte[] Unfiltered(MemoryStream packed, int stride, int height, int channels)
    {
        using ZLibStream rows = new(packed, CompressionMode.Decompress);
        var pixels = new byte[stride * height];
        for (int y = 0; y < height; y++)
        {
            int filter = rows.ReadByte();
            Span<byte> row = pixels.AsSpan(y * stride, stride), above = y == 0 ? new byte[stride] : pixels.AsSpan((y - 1) * stride, stride);
            rows.ReadExactly(row);
            for (int i = 0; i < stride; i++)
            {
                int left = i < channels ? 0 : row[i - channels], up = above[i], corner = i < channels ? 0 : above[i - channels];
                row[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, 4 => Paeth(left, up, corner), _ => throw new InvalidDataException($"filter {filter}") });
            }
        }
        return pixels;
    }

    private static int Paeth(int left, int up, int corner)
    {
        int guess = left + up - corner, toLeft = Math.Abs(guess - left), toUp = Math.Abs(guess - up), toCorner = Math.Abs(guess - corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
