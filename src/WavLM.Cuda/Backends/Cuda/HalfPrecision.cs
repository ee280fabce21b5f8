using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>Weights rounded on their way to the device.</summary>
internal static class HalfPrecision
{
    /// <summary>The values' bits in float16 or bfloat16, to nearest, ties to even.</summary>
    public static ushort[] Round(ReadOnlySpan<float> values, ElementType type)
    {
        var rounded = GC.AllocateUninitializedArray<ushort>(values.Length);
        if (type == ElementType.Float16) TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<ushort, Half>(rounded.AsSpan()));
        else for (int i = 0; i < rounded.Length; i++) rounded[i] = ToBFloat16(values[i]);
        return rounded;
    }

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // The lower half decides; a tie goes to the even upper half. Of a NaN the upper half stays one.
        return float.IsNaN(value) ? (ushort)(bits >> 16 | 0x40) : (ushort)(bits + 0x7FFF + (bits >> 16 & 1) >> 16);
    }
}
