using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Checks;

/// <summary>The storage types' rounding, to nearest with ties to even, written apart from the code under check.</summary>
internal static class Rounding
{
    private const ushort NotANumberBits = 0x7FFF;   // in either 16-bit type

    /// <summary>A 16-bit type's bits of a value; by arithmetic in float64 on multiples of the last place, not by the usual trick with the bits.</summary>
    public static ushort ToBits(ElementType type, float x)
    {
        if (float.IsNaN(x)) return NotANumberBits;
        (int fractionBits, int leastExponent, int mostExponent) = LayoutOf(type);
        double magnitude = Math.Abs((double)x);
        int exponent = ExponentOf(type, magnitude);
        // Exact: a power of two divides, and float64 has bits enough.
        double multiple = Math.Round(Math.ScaleB(magnitude, fractionBits - exponent), MidpointRounding.ToEven);
        // An exponent field of one more adds a multiple of 2^fractionBits; below the least exponent the field is 0 and all are multiples of one unit.
        double field = Math.ScaleB(exponent - leastExponent, fractionBits) + multiple, infinity = Math.ScaleB(mostExponent - leastExponent + 2, fractionBits);
        return (ushort)((uint)Math.Min(field, infinity) | (float.IsNegative(x) ? 0x8000u : 0));
    }

    /// <summary>The value of a 16-bit type's bits.</summary>
    public static float FromBits(ElementType type, ushort bits)
    {
        (int fractionBits, int leastExponent, int mostExponent) = LayoutOf(type);
        int magnitude = bits & 0x7FFF, field = magnitude >> fractionBits, fraction = magnitude & ((1 << fractionBits) - 1);
        double value = field == mostExponent - leastExponent + 2 ? (fraction == 0 ? double.PositiveInfinity : double.NaN)
            : field == 0 ? Math.ScaleB(fraction, leastExponent - fractionBits)
            : Math.ScaleB((1 << fractionBits) + fraction, leastExponent + field - 1 - fractionBits);
        return (float)(bits < 0x8000 ? value : -value);
    }

    public static float To(ElementType type, float x) => type == ElementType.Float32 ? x : FromBits(type, ToBits(type, x));

    public static float[] To(ElementType type, float[] values) => type == ElementType.Float32 ? values : Array.ConvertAll(values, x => To(type, x));

    /// <summary>Half a unit in the last place of a value. Where values are subnormal it is the same for all: 2^-25 for float16 below 2^-14.</summary>
    public static double HalfUnit(ElementType type, double value) => Math.ScaleB(1, ExponentOf(type, Math.Abs(value)) - LayoutOf(type).FractionBits - 1);

    /// <summary>The exponent that a value's last place follows from.</summary>
    private static int ExponentOf(ElementType type, double magnitude)
    {
        (_, int least, int most) = LayoutOf(type);
        return magnitude == 0 ? least : (int)Math.Clamp(Math.ILogB(magnitude), least, (long)most + 1);   // beyond the largest: of infinity's place
    }

    private static (int FractionBits, int LeastExponent, int MostExponent) LayoutOf(ElementType type) => type switch
    {
        ElementType.Float32 => (23, -126, 127),
        ElementType.Float16 => (10, -14, 15),
        ElementType.BFloat16 => (7, -126, 127),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not a floating-point type"),
    };
}
