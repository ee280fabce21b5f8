using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;

namespace WavLM.Cuda.Checks;

/// <summary>The host's elementwise functions over their whole range, against float64.</summary>
internal static unsafe class VectorMathChecks
{
    // Times max(1, |x|), because the error function's own error is multiplied by x / 2. Found: 1.56e-7, at 4.74.
    private const double GeluBound = 2e-7;

    // Relative. Found: 6.8e-8; half a unit in the last place is 6e-8.
    private const double Exp2Bound = 1e-7;

    private const float SmallestNormal = 1.17549435e-38f;   // 2^-126

    public static IEnumerable<Check> All =>
    [
        Check.OnHost("vector_math gelu from -12 to 12", errors => GeluErrsLittle(errors, Dense(-12, 12, 1 / 4096.0))),
        Check.OnHost("vector_math gelu of every magnitude", errors => GeluErrsLittle(errors, OfEveryMagnitude())),
        Check.OnHost("vector_math gelu of what is not finite", GeluOfWhatIsNotFinite),
        Check.OnHost("vector_math gelu is by element", GeluIsByElement),
        Check.OnHost("vector_math exp2 from -126 to 126", Exp2ErrsLittle),
        Check.OnHost("vector_math exp2 ends at 2^-126", Exp2EndsAtSmallestNormal),
        Check.OnHost("vector_math bfloat16 is rounded to nearest", errors => IsRoundedToNearest(errors, ElementType.BFloat16, ConvertedByRow)),
        Check.OnHost("vector_math weights are rounded to nearest float16", errors => IsRoundedToNearest(errors, ElementType.Float16, HalfPrecision.Round)),
        Check.OnHost("vector_math weights are rounded to nearest bfloat16", errors => IsRoundedToNearest(errors, ElementType.BFloat16, HalfPrecision.Round)),
    ];

    private static void GeluErrsLittle(Errors errors, float[] xs)
    {
        float[] ys = Gelu(xs);
        for (int i = 0; i < xs.Length; i++)
            errors.AtMost("GELU", xs[i], ys[i], Plain.Gelu((double)xs[i]), GeluBound * Math.Max(1, Math.Abs(xs[i])));
    }

    // Minus infinity times what is left of 1 - erf is NaN in PyTorch too; zero would be the limit.
    private static void GeluOfWhatIsNotFinite(Errors errors)
    {
        errors.Equal("GELU of NaN is NaN", float.IsNaN(Gelu([float.NaN])[0]) ? 1 : 0, 1);
        errors.Equal("GELU of infinity is infinity", float.IsPositiveInfinity(Gelu([float.PositiveInfinity])[0]) ? 1 : 0, 1);
        float ofMinusInfinity = Gelu([float.NegativeInfinity])[0];
        errors.Equal("GELU of minus infinity is NaN or 0", float.IsNaN(ofMinusInfinity) || ofMinusInfinity == 0 ? 1 : 0, 1);
    }

    // Whole vectors and the rest of a row go different ways; bits must not follow from an element's place.
    private static void GeluIsByElement(Errors errors)
    {
        float[] xs = Inputs.Normal(67, seed: 201, deviation: 3), ys = Gelu(xs);
        var singly = new Matrix(1, xs.Length, [.. xs.Select(x => Gelu([x])[0])]);
        errors.SameBits("GELU", new Matrix(1, ys.Length, ys), singly);
    }

    private static void Exp2ErrsLittle(Errors errors)
    {
        float[] xs = Dense(-126, 126, 1 / 1024.0), ys = Exp2(xs, out _);
        for (int i = 0; i < xs.Length; i++) errors.AtMost("2^x / 2^x", xs[i], ys[i] / Math.Pow(2, xs[i]), 1, Exp2Bound);
    }

    private static void Exp2EndsAtSmallestNormal(Errors errors)
    {
        float[] xs = new float[VectorMath.Lanes];
        Array.Fill(xs, float.NegativeInfinity);
        (xs[0], xs[1], xs[2]) = (-126.5f, -1000, float.MinValue);
        float[] ys = Exp2(xs, out float sum);
        for (int i = 0; i < xs.Length; i++) errors.AtMost("2^x", xs[i], ys[i] / SmallestNormal, 1, Exp2Bound);
        errors.AtMost("sum of 2^x", double.NaN, sum / SmallestNormal, xs.Length, Exp2Bound);
    }

    // About each value of the type the float32 neighbours, and those of the tie with the next one; in whole vectors and in the rest of a row.
    private static void IsRoundedToNearest(Errors errors, ElementType type, Func<ReadOnlySpan<float>, ElementType, ushort[]> round)
    {
        var xs = new List<float> { float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon };
        for (ushort bits = 0; float.IsFinite(Rounding.FromBits(type, bits)); bits += 3)
        {
            float value = Rounding.FromBits(type, bits), tie = (float)(value + Rounding.HalfUnit(type, value));
            foreach (float x in (ReadOnlySpan<float>)[value, tie])
            {
                xs.AddRange([x, MathF.BitIncrement(x), MathF.BitDecrement(x)]);
                xs.AddRange([-x, -MathF.BitIncrement(x), -MathF.BitDecrement(x)]);
            }
        }
        float[] from = [.. xs, float.NaN, BitConverter.UInt32BitsToSingle(0x7F800001)];
        ushort[] to = round(from, type);
        for (int i = 0; i < xs.Count; i++) errors.Equal($"{type} of {from[i]:R}", to[i], Rounding.ToBits(type, from[i]));
        for (int i = xs.Count; i < from.Length; i++) errors.Equal($"{type} of NaN is NaN", float.IsNaN(Rounding.FromBits(type, to[i])) ? 1 : 0, 1);
    }

    private static ushort[] ConvertedByRow(ReadOnlySpan<float> from, ElementType type)
    {
        var to = new ushort[from.Length];
        fixed (float* x = from)
        fixed (ushort* y = to) VectorMath.Convert(x, y, from.Length, type);
        return to;
    }

    private static float[] Gelu(float[] xs)
    {
        var ys = new float[xs.Length];
        fixed (float* x = xs, y = ys) VectorMath.GeluErf(x, y, xs.Length, ElementType.Float32);
        return ys;
    }

    private static float[] Exp2(float[] xs, out float sum)
    {
        var ys = new float[xs.Length];
        fixed (float* x = xs, y = ys) sum = VectorMath.Exp2(x, offset: 0, y, xs.Length, ElementType.Float32);
        return ys;
    }

    private static float[] Dense(double from, double to, double step)
    {
        var values = new float[(int)((to - from) / step / VectorMath.Lanes) * VectorMath.Lanes];
        for (int i = 0; i < values.Length; i++) values[i] = (float)(from + i * step);
        return values;
    }

    /// <summary>From zero through the subnormals to the largest, both signs.</summary>
    private static float[] OfEveryMagnitude()
    {
        const uint Step = 0x1FFF1, Infinity = 0x7F800000;
        var values = new List<float>();
        for (uint bits = 0; bits < Infinity; bits += Step)
        {
            values.Add(BitConverter.UInt32BitsToSingle(bits));
            values.Add(-values[^1]);
        }
        return [.. values];
    }
}
