using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// Reads stored values as floats. Singles go straight into the caller's memory; other types pass through one buffer that is kept
/// from tensor to tensor, so that loading never needs more than the caller's copy and <see cref="BufferBytes"/>.
/// </summary>
internal sealed class TensorDecoder
{
    private const int BufferBytes = 1 << 20;
    private byte[]? _buffer;

    /// <summary>Reads all of <paramref name="tensor"/>, whose <see cref="StoredTensor.Count"/> is the length of <paramref name="destination"/>.</summary>
    /// <exception cref="CheckpointException">The file shrank or cannot be read.</exception>
    public void Read(StoredTensor tensor, Span<float> destination)
    {
        if (tensor.Strides.IsDefault)
            ReadRun(tensor, tensor.Offset, destination);
        else
            ReadStrided(tensor, tensor.Offset, 0, destination);
    }

    private void ReadRun(StoredTensor tensor, long offset, Span<float> destination)
    {
        int size = StoredTensor.SizeOf(tensor.Type);
        if (tensor.Type == StoredType.Float32 && BitConverter.IsLittleEndian)
        {
            // A span of bytes ends at 2 GiB: a table of more floats than that comes in parts.
            const int Part = 1 << 28;
            for (; destination.Length > 0; destination = destination[Math.Min(Part, destination.Length)..], offset += Part * 4L)
                tensor.File.Read(offset, MemoryMarshal.AsBytes(destination[..Math.Min(Part, destination.Length)]));
            return;
        }
        _buffer ??= new byte[BufferBytes];
        while (destination.Length > 0)
        {
            int count = Math.Min(destination.Length, BufferBytes / size);
            Span<byte> bytes = _buffer.AsSpan(0, count * size);
            tensor.File.Read(offset, bytes);
            Decode(tensor.Type, bytes, destination[..count]);
            destination = destination[count..];
            offset += bytes.Length;
        }
    }

    // A transposed or sliced view, as torch.save keeps them. Rare and small: one read an innermost row, or a value at worst.
    private void ReadStrided(StoredTensor tensor, long offset, int dimension, Span<float> destination)
    {
        if (dimension == tensor.Shape.Length || (dimension == tensor.Shape.Length - 1 && tensor.Strides[dimension] == 1))
        {
            ReadRun(tensor, offset, destination);
            return;
        }
        int count = checked((int)tensor.Shape[dimension]);
        if (count == 0) return;
        int inner = destination.Length / count;
        long step = tensor.Strides[dimension] * StoredTensor.SizeOf(tensor.Type);
        for (int i = 0; i < count; i++)
            ReadStrided(tensor, offset + i * step, dimension + 1, destination.Slice(i * inner, inner));
    }

    private static void Decode(StoredType type, ReadOnlySpan<byte> bytes, Span<float> destination)
    {
        switch (type)
        {
            case StoredType.Float16 when BitConverter.IsLittleEndian:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), destination);
                break;
            case StoredType.Float16:
                for (int i = 0; i < destination.Length; i++) destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
                break;
            case StoredType.BFloat16:
                for (int i = 0; i < destination.Length; i++)
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]) << 16);
                break;
            case StoredType.Float32:
                for (int i = 0; i < destination.Length; i++) destination[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]);
                break;
            case StoredType.Float64:
                for (int i = 0; i < destination.Length; i++) destination[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
                break;
            default:
                throw new InvalidOperationException($"{type} is refused when the checkpoint is opened");
        }
    }
}
