using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Gives the values of a tensor, a run at a time.</summary>
/// <param name="name">The tensor.</param>
/// <param name="first">Index of the run's first value, rows one after another.</param>
/// <param name="destination">The run.</param>
internal delegate void TensorValues(string name, long first, Span<float> destination);

/// <summary>Writes .safetensors files, value by value through one buffer; see <see cref="SafetensorsReader"/> for the format.</summary>
internal static class SafetensorsWriter
{
    private const int RunValues = 1 << 18;

    /// <summary>Writes a file anew and flushes it to the disk.</summary>
    /// <param name="path">The file; it must not exist.</param>
    /// <param name="tensors">Names, types and shapes in the order they are to lie in.</param>
    /// <param name="values">Gives their values.</param>
    /// <param name="cancellationToken">Looked at between two runs; what was written then stays.</param>
    public static void Write(string path, IReadOnlyList<CheckpointTensor> tensors, TensorValues values, CancellationToken cancellationToken = default)
    {
        byte[] header = Header(tensors);
        using var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.Write(handle, header, 0);
        long offset = header.Length;
        var run = new float[RunValues];
        var encoded = new byte[RunValues * sizeof(double)];
        foreach (CheckpointTensor tensor in tensors)
        {
            int size = StoredTensor.SizeOf(tensor.Type);
            for (long first = 0; first < tensor.Count; first += RunValues)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<float> part = run.AsSpan(0, (int)Math.Min(RunValues, tensor.Count - first));
                values(tensor.Name, first, part);
                Span<byte> bytes = encoded.AsSpan(0, part.Length * size);
                Encode(tensor.Type, part, bytes);
                RandomAccess.Write(handle, bytes, offset);
                offset += bytes.Length;
            }
        }
        RandomAccess.FlushToDisk(handle);
    }

    private static byte[] Header(IReadOnlyList<CheckpointTensor> tensors)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("__metadata__");
            writer.WriteString("format", "pt");   // transformers refuses a file without it
            writer.WriteEndObject();
            long offset = 0;
            foreach (CheckpointTensor tensor in tensors)
            {
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", tensor.Type switch
                {
                    StoredType.Float64 => "F64",
                    StoredType.Float32 => "F32",
                    StoredType.Float16 => "F16",
                    StoredType.BFloat16 => "BF16",
                    _ => throw new ArgumentException($"{tensor.Name} of type {tensor.Type} cannot be written", nameof(tensors)),
                });
                writer.WriteStartArray("shape");
                foreach (long dimension in tensor.Shape) writer.WriteNumberValue(dimension);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                offset += tensor.Count * StoredTensor.SizeOf(tensor.Type);
                writer.WriteNumberValue(offset);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        // Spaces up to a multiple of 8, so that the values are aligned for those who map the file.
        int length = (json.WrittenCount + 7) / 8 * 8;
        var header = new byte[8 + length];
        header.AsSpan(8).Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        json.WrittenSpan.CopyTo(header.AsSpan(8));
        return header;
    }

    private static void Encode(StoredType type, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        switch (type)
        {
            case StoredType.Float32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case StoredType.Float16:
                TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(bytes));
                break;
            case StoredType.BFloat16:
                for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteUInt16LittleEndian(bytes[(2 * i)..], BFloat16(values[i]));
                break;
            default:
                for (int i = 0; i < values.Length; i++) BinaryPrimitives.WriteDoubleLittleEndian(bytes[(8 * i)..], values[i]);
                break;
        }
    }

    // Rounded to the nearest, ties to even.
    private static ushort BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
