using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>The storage types' rounding, written apart from the code under check.</summary>
internal static class Rounding
{
    /// <summary>To nearest, ties to even; by arithmetic on the two neighbours, not by the usual trick with the bits.</summary>
    public static ushort ToBFloat16(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        ushort toZero = (ushort)(bits >> 16);
        if (float.IsNaN(x)) return (ushort)(toZero | 0x40);
        uint rest = bits & 0xFFFF;
        bool up = rest > 0x8000 || (rest == 0x8000 && (toZero & 1) == 1);
        return (ushort)(up ? toZero + 1 : toZero);
    }

    public static float FromBFloat16(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);

    public static float To(ElementType type, float x) => type == ElementType.BFloat16 ? FromBFloat16(ToBFloat16(x)) : x;

    public static float[] To(ElementType type, float[] values) => type == ElementType.BFloat16 ? Array.ConvertAll(values, x => To(type, x)) : values;

    /// <summary>Half a unit in the last place of a value.</summary>
    public static double HalfUnit(ElementType type, double value)
    {
        int fraction = type == ElementType.BFloat16 ? 7 : 23;
        double exponent = value == 0 ? -126 : Math.Max(-126, Math.Floor(Math.Log2(Math.Abs(value))));
        return Math.ScaleB(1, (int)exponent - fraction - 1);
    }
}
