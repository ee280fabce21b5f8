using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace WavLM.Cuda.Extraction;

/// <summary>NumPy's format, version 1.0: magic, a header padded to 64 bytes, then values in C order.</summary>
internal static class NpyFile
{
    private const int Alignment = 64;

    // An hour of all 25 layers is 4.6e9 values, more than a span holds: even one layer goes in pieces.
    private const int PieceValues = 1 << 20;

    /// <summary>Size of a file of features.</summary>
    public static double Bytes(int layers, long frames, int width) => 2 * Alignment + (double)layers * frames * width * sizeof(float);

    /// <summary>Writes [frames, width] for one layer, [layers, frames, width] for several; little-endian float32.</summary>
    /// <returns>The SHA-256 of the file.</returns>
    public static string Write(string path, Features features)
    {
        using AtomicFile file = AtomicFile.Create(path);
        file.Write(Header(features));
        foreach (int layer in features.Layers)
        {
            ReadOnlySpan<float> values = features.Layer(layer);
            while (!values.IsEmpty)
            {
                ReadOnlySpan<float> piece = values[..Math.Min(values.Length, PieceValues)];
                file.Write(MemoryMarshal.AsBytes(piece));   // x64 is little-endian
                values = values[piece.Length..];
            }
        }
        return file.Commit();
    }

    private static byte[] Header(Features features)
    {
        string layers = features.Layers.Count == 1 ? "" : $"{features.Layers.Count}, ";
        string text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({layers}{features.FrameCount}, {features.Width}), }}";
        const int Preamble = 10;   // magic, version, length of the header
        int bytes = (Preamble + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        string padded = text.PadRight(bytes - Preamble - 1) + '\n';

        byte[] header = new byte[bytes];
        header[0] = 0x93;
        "NUMPY"u8.CopyTo(header.AsSpan(1));
        header[6] = 1;   // version 1.0
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)padded.Length);
        Encoding.ASCII.GetBytes(padded, header.AsSpan(Preamble));
        return header;
    }
}
