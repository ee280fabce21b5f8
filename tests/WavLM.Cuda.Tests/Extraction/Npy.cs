using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Tests.Extraction;

/// <summary>Reads an npy file by the letter of its format.</summary>
internal sealed record Npy(int[] Shape, float[] Values)
{
    public static Npy Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0], bytes[..8]);
        int length = BitConverter.ToUInt16(bytes, 8);
        Assert.Equal(0, (10 + length) % 64);
        string header = Encoding.ASCII.GetString(bytes, 10, length);
        Match match = Regex.Match(header, @"^\{'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]+)\), \} *\n$");
        Assert.True(match.Success, header);
        int[] shape = [.. match.Groups[1].Value.Split(", ").Select(int.Parse)];
        float[] values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(10 + length)).ToArray();
        Assert.Equal(shape.Aggregate(1, (a, b) => a * b), values.Length);
        return new(shape, values);
    }
}
