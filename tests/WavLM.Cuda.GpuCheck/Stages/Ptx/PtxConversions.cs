using WavLM.Cuda.Backends;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>Roundings to 16 bits, back from all 65,536 float16 values, and powers of two.</summary>
internal static class PtxConversions
{
    private const int Halves = 1 << 16, RandomValues = 1 << 18;
    private const int HalfInfinity = 0x7C00, BFloatInfinity = 0x7F80;

    private const double PowerError = 1.0 / (1 << 22), LeastNormal = 1.1754943508222875e-38;

    public static void Try(PtxBench bench)
    {
        FromHalf(bench);
        float[] x = [.. AroundHalves(), .. AroundBFloats(), .. Exponents(), .. RandomBits()];
        using Tensor values = bench.Place(x), halves = bench.Rent<ushort>(x.Length), bfloats = bench.Rent<ushort>(x.Length);
        using Tensor halfPairs = bench.Rent<uint>(x.Length), bfloatPairs = bench.Rent<uint>(x.Length), powers = bench.Rent<float>(x.Length);
        bench.Launch("convert", x.Length, values, halves, bfloats, halfPairs, bfloatPairs, powers, x.Length);

        foreach (Format format in (ReadOnlySpan<Format>)[
            new("half", HalfInfinity, NearestHalf, bench.Read<ushort>(halves, x.Length), bench.Read<uint>(halfPairs, x.Length)),
            new("bfloat", BFloatInfinity, NearestBFloat, bench.Read<ushort>(bfloats, x.Length), bench.Read<uint>(bfloatPairs, x.Length))])
        {
            bench.Compare($"{format.Name}_bits", "values with all ties", x.Length, i => format.Wrong(x[i], format.Bits[i]));
            bench.Compare($"{format.Name}_pair", "pairs", x.Length, i => format.Wrong(x[i], (ushort)format.Pairs[i]) ?? format.Wrong(x[(i + 1) % x.Length], (ushort)(format.Pairs[i] >> 16)));
        }
        float[] power = bench.Read<float>(powers, x.Length);
        bench.Compare("exp2_approximate", "values within 2^-22", x.Length, i => IsPower(power[i], x[i]) ? null : FormattableString.Invariant($"2^{x[i]:R} is {power[i]:R}, expected {Math.Pow(2, x[i]):R}"));
    }

    private static void FromHalf(PtxBench bench)
    {
        using Tensor values = bench.Rent<float>(Halves);
        bench.Launch("half_values", Halves, values);
        float[] found = bench.Read<float>(values, Halves);
        bench.Compare("half_value", "values, which are all there are", Halves, bits =>
        {
            float expected = HalfValue(bits);
            bool right = float.IsNaN(expected) ? float.IsNaN(found[bits]) : BitConverter.SingleToInt32Bits(found[bits]) == BitConverter.SingleToInt32Bits(expected);
            return right ? null : FormattableString.Invariant($"{bits:x4} is {found[bits]:R}, expected {expected:R}");
        });
    }

    /// <summary>(1 + fraction / 1024) 2^(exponent - 15), below that fraction 2^-24; written apart from what .NET does.</summary>
    private static float HalfValue(int bits)
    {
        int exponent = bits >> 10 & 31, fraction = bits & 1023;
        double magnitude = exponent == 31 ? (fraction == 0 ? double.PositiveInfinity : double.NaN)
            : exponent == 0 ? Math.ScaleB(fraction, -24)
            : Math.ScaleB(1024 + fraction, exponent - 25);
        return (float)((bits & 0x8000) == 0 ? magnitude : -magnitude);
    }

    /// <summary>The nearest float16, of two the even one; null for NaN.</summary>
    private static ushort? NearestHalf(float x)
    {
        if (float.IsNaN(x)) return null;
        double magnitude = Math.Abs((double)x);
        // Bits grow with the values they stand for; 65,536 would come next, and half-way to it infinity begins.
        int low = 0, high = HalfInfinity;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (HalfValue(middle) <= magnitude) low = middle;
            else high = middle;
        }
        double below = magnitude - HalfValue(low), above = (high == HalfInfinity ? 65536 : HalfValue(high)) - magnitude;
        int nearest = below < above ? low : above < below ? high : low % 2 == 0 ? low : high;
        return (ushort)(nearest | (float.IsNegative(x) ? 0x8000 : 0));
    }

    /// <summary>The nearest bfloat16, of two the even one; null for NaN. Its neighbours differ from the value in the lower half of its bits.</summary>
    private static ushort? NearestBFloat(float x)
    {
        if (float.IsNaN(x)) return null;
        uint bits = BitConverter.SingleToUInt32Bits(x), low = bits >> 16, rest = bits & 0xFFFF;
        return (ushort)(rest < 0x8000 || (rest == 0x8000 && low % 2 == 0) ? low : low + 1);
    }

    private static bool IsPower(float found, float x)
    {
        double expected = Math.Pow(2, x);
        if (float.IsNaN(x)) return float.IsNaN(found);
        if (expected > float.MaxValue) return float.IsPositiveInfinity(found) || (expected <= float.MaxValue * (1 + PowerError) && found == float.MaxValue);
        if (found == 0) return expected < LeastNormal * (1 + PowerError);
        return found >= (float)LeastNormal && Math.Abs(found - expected) <= expected * PowerError;
    }

    /// <summary>Every float16, the middle between it and the next one, and what lies just beside both.</summary>
    private static IEnumerable<float> AroundHalves()
    {
        for (int bits = 0; bits < Halves; bits++)
        {
            float value = HalfValue(bits);
            yield return value;
            if (!float.IsFinite(value)) continue;
            float next = (bits & 0x7FFF) == 0x7BFF ? MathF.CopySign(65536, value) : HalfValue(bits + 1), middle = value + (next - value) / 2;
            yield return MathF.BitDecrement(value);
            yield return MathF.BitDecrement(middle);
            yield return middle;
            yield return MathF.BitIncrement(middle);
        }
    }

    /// <summary>Every bfloat16, and the floats around the middle to the next one.</summary>
    private static IEnumerable<float> AroundBFloats()
    {
        for (uint bits = 0; bits < Halves; bits++)
        {
            foreach (uint rest in (uint[])[0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF]) yield return BitConverter.UInt32BitsToSingle(bits << 16 | rest);
        }
    }

    /// <summary>What attention gives to the power of two, and the ends of its range.</summary>
    private static IEnumerable<float> Exponents()
    {
        var random = new Random(7);
        for (int i = 0; i < RandomValues; i++) yield return 280 * random.NextSingle() - 151;
        for (int x = -151; x <= 129; x++)
        {
            yield return MathF.BitDecrement(x);
            yield return x;
            yield return MathF.BitIncrement(x);
        }
    }

    private static IEnumerable<float> RandomBits()
    {
        var random = new Random(8);
        for (int i = 0; i < RandomValues; i++) yield return BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
    }

    /// <param name="Name">How its functions' names begin.</param>
    /// <param name="Infinity">Its bits; those above are NaN.</param>
    /// <param name="Nearest">A value's bits; null for NaN.</param>
    /// <param name="Bits">What was found of one value.</param>
    /// <param name="Pairs">What was found of a value and the next one.</param>
    private sealed record Format(string Name, int Infinity, Func<float, ushort?> Nearest, ushort[] Bits, uint[] Pairs)
    {
        public string? Wrong(float x, ushort found)
        {
            bool right = Nearest(x) is { } nearest ? found == nearest : (found & 0x7FFF) > Infinity;
            return right ? null : FormattableString.Invariant($"{x:R} is {found:x4}, expected {Nearest(x):x4}");
        }
    }
}
