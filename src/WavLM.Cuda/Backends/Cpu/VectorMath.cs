using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// The elementwise functions of the model on 16 float32 lanes. Coefficients are minimax fits of our own; a lane's result
/// depends on that lane alone.
/// </summary>
internal static unsafe class VectorMath
{
    /// <summary>Lanes of a vector: the width that every loop here steps by.</summary>
    public const int Lanes = 16;

    public static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;

    /// <summary>2^x, relative error below 1e-7; what is below 2^-126, minus infinity too, becomes 2^-126. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exp2(Vector512<float> x)
    {
        // Adding 1.5 x 2^23 leaves the nearest whole number in the low bits of the sum; shifted into the exponent, it scales.
        Vector512<float> shift = Vector512.Create(12_582_912f);
        // x comes second: the instruction returns its second operand where one is NaN, and a NaN score must reach the features.
        Vector512<float> clamped = Vector512.MaxNative(Vector512.Create(-126f), x);
        Vector512<float> shifted = clamped + shift;
        Vector512<float> f = clamped - (shifted - shift);
        Vector512<float> p = Vector512.FusedMultiplyAdd(f, Vector512.Create(0.000153707048f), Vector512.Create(0.00133998483f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.00961837325f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.0555032904f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.240226485f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.693147206f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        return (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();
    }

    /// <summary>x (1 + erf(x / sqrt 2)) / 2, with erf as a rational function, absolute error of erf below 4e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluErf(Vector512<float> x)
    {
        const float InverseSqrt2 = 0.707106781f;
        const float Saturation = 3.92f;   // 1 - erf is half a unit in the last place here
        Vector512<float> z = Vector512.MinNative(Vector512.MaxNative(x * Vector512.Create(InverseSqrt2), Vector512.Create(-Saturation)), Vector512.Create(Saturation));
        Vector512<float> u = z * z;
        Vector512<float> p = Vector512.FusedMultiplyAdd(u, Vector512.Create(2.050251e-06f), Vector512.Create(0.000284869563f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.00376489967f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.0527464931f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(0.19038932f));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(1.12837915f));
        Vector512<float> q = Vector512.FusedMultiplyAdd(u, Vector512.Create(3.80927411e-05f), Vector512.Create(0.0011623678f));
        q = Vector512.FusedMultiplyAdd(q, u, Vector512.Create(0.014967768f));
        q = Vector512.FusedMultiplyAdd(q, u, Vector512.Create(0.11410206f));
        q = Vector512.FusedMultiplyAdd(q, u, Vector512.Create(0.502060886f));
        q = Vector512.FusedMultiplyAdd(q, u, Vector512<float>.One);
        Vector512<float> half = x * Vector512.Create(0.5f);
        Vector512<float> y = Vector512.FusedMultiplyAdd(half, z * p / q, half);
        // One rounding of erf short of -1 would otherwise leave 3e-8 x behind.
        return Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(-Saturation / InverseSqrt2)), Vector512<float>.Zero, y);
    }

    /// <summary>float32 to bfloat16, to nearest, ties to even; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> ToBFloat16(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32();
        Vector512<uint> rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        Vector512<uint> kept = Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, bits | Vector512.Create(0x400000u)) >> 16;
        return Vector512.Narrow(kept, kept).GetLower();
    }

    // Put together of two halves, the vector would go through the stack.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FromBFloat16(Vector256<ushort> x) => (Vector512.WidenLower(x.ToVector512Unsafe()) << 16).AsSingle();

    public static ushort ToBFloat16(float x) => ToBFloat16(Vector512.Create(x)).ToScalar();

    public static float FromBFloat16(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);

    /// <summary>Copies a row of float32 to another type.</summary>
    public static void Convert(float* from, void* to, int count, ElementType type)
    {
        if (type == ElementType.Float32)
        {
            Buffer.MemoryCopy(from, to, (long)count * sizeof(float), (long)count * sizeof(float));
            return;
        }
        ushort* halves = (ushort*)to;
        int i = 0;
        for (; i <= count - Lanes; i += Lanes) ToBFloat16(Vector512.Load(from + i)).Store(halves + i);
        for (; i < count; i++) halves[i] = ToBFloat16(from[i]);
    }

    /// <summary>GELU of float32 values, to another type or, with y equal to x, in place.</summary>
    public static void GeluErf(float* x, void* y, int count, ElementType type)
    {
        int i = 0;
        if (type == ElementType.Float32)
        {
            for (; i <= count - Lanes; i += Lanes) GeluErf(Vector512.Load(x + i)).Store((float*)y + i);
            for (; i < count; i++) ((float*)y)[i] = GeluErf(Vector512.Create(x[i])).ToScalar();
            return;
        }
        for (; i <= count - Lanes; i += Lanes) ToBFloat16(GeluErf(Vector512.Load(x + i))).Store((ushort*)y + i);
        for (; i < count; i++) ((ushort*)y)[i] = ToBFloat16(GeluErf(Vector512.Create(x[i])).ToScalar());
    }

    /// <summary>Sum of a[i] b[i].</summary>
    public static float Dot(float* a, float* b, int count)
    {
        Vector512<float> sum = Vector512<float>.Zero;
        int i = 0;
        for (; i <= count - Lanes; i += Lanes) sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
        float total = Vector512.Sum(sum);
        for (; i < count; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>y = a + b.</summary>
    public static void Add(float* a, float* b, float* y, int count)
    {
        int i = 0;
        for (; i <= count - Lanes; i += Lanes) (Vector512.Load(a + i) + Vector512.Load(b + i)).Store(y + i);
        for (; i < count; i++) y[i] = a[i] + b[i];
    }

    /// <summary>y = a - b, of matmul operands.</summary>
    public static void Subtract(void* a, void* b, void* y, int count, ElementType type)
    {
        int i = 0;
        if (type == ElementType.Float32)
        {
            float* x = (float*)a, subtrahend = (float*)b, difference = (float*)y;
            for (; i <= count - Lanes; i += Lanes) (Vector512.Load(x + i) - Vector512.Load(subtrahend + i)).Store(difference + i);
            for (; i < count; i++) difference[i] = x[i] - subtrahend[i];
            return;
        }
        ushort* halves = (ushort*)a, others = (ushort*)b, differences = (ushort*)y;
        for (; i <= count - Lanes; i += Lanes)
            ToBFloat16(FromBFloat16(Vector256.Load(halves + i)) - FromBFloat16(Vector256.Load(others + i))).Store(differences + i);
        for (; i < count; i++) differences[i] = ToBFloat16(FromBFloat16(halves[i]) - FromBFloat16(others[i]));
    }

    /// <summary>x *= factor.</summary>
    public static void Scale(float* x, float factor, int count)
    {
        Vector512<float> factors = Vector512.Create(factor);
        int i = 0;
        for (; i <= count - Lanes; i += Lanes) (Vector512.Load(x + i) * factors).Store(x + i);
        for (; i < count; i++) x[i] *= factor;
    }

    /// <summary>x += factor y; count is a multiple of <see cref="Lanes"/>.</summary>
    /// <returns>The largest result; NaN is passed over.</returns>
    public static float AddScaled(float* x, float factor, float* y, int count)
    {
        Vector512<float> factors = Vector512.Create(factor), maxima = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < count; i += Lanes)
        {
            Vector512<float> sum = Vector512.FusedMultiplyAdd(factors, Vector512.Load(y + i), Vector512.Load(x + i));
            sum.Store(x + i);
            maxima = Vector512.MaxNative(sum, maxima);
        }
        return Largest(maxima);
    }

    /// <summary>The largest value; count is a multiple of <see cref="Lanes"/>; NaN is passed over.</summary>
    public static float Max(float* x, int count)
    {
        Vector512<float> maxima = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < count; i += Lanes) maxima = Vector512.MaxNative(Vector512.Load(x + i), maxima);
        return Largest(maxima);
    }

    /// <summary>y = 2^(x - offset), none below 2^-126; y possibly x; count is a multiple of <see cref="Lanes"/>.</summary>
    /// <returns>The sum of the float32 values.</returns>
    public static float Exp2(float* x, float offset, void* y, int count, ElementType type)
    {
        Vector512<float> offsets = Vector512.Create(offset), sum = Vector512<float>.Zero;
        if (type == ElementType.Float32)
        {
            for (int i = 0; i < count; i += Lanes)
            {
                Vector512<float> power = Exp2(Vector512.Load(x + i) - offsets);
                sum += power;
                power.Store((float*)y + i);
            }
            return Vector512.Sum(sum);
        }
        for (int i = 0; i < count; i += Lanes)
        {
            Vector512<float> power = Exp2(Vector512.Load(x + i) - offsets);
            sum += power;
            // Positive and finite, so adding half a unit before the cut rounds it.
            Vector512<uint> rounded = (power.AsUInt32() + Vector512.Create(0x8000u)) >> 16;
            Vector512.Narrow(rounded, rounded).GetLower().Store((ushort*)y + i);
        }
        return Vector512.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector512<float> x)
    {
        Vector256<float> eight = Vector256.MaxNative(x.GetLower(), x.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        return Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3]));
    }
}
