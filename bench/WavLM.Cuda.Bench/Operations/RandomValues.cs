using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>
/// Normal random values that come round again after a million: a tensor of any size is filled by copies on its device, and the
/// host knows each of its values without reading it back. Rows of any width begin at another place each time.
/// </summary>
internal sealed class RandomValues
{
    /// <summary>The period on a real device, and where software has to compute on the values.</summary>
    public const int UsualEights = 131_071, EightsOnEmulated = 8_191;

    private readonly Dictionary<(ElementType, double), float[]> _values = [];
    private readonly float[] _normal;

    /// <param name="eights">The period, in eights of values: a prime, so that no width of a row divides it.</param>
    /// <param name="seed">The same seed, the same values.</param>
    public RandomValues(int eights, int seed) => _normal = Inputs.Normal(8 * eights, seed);

    /// <summary>Values until they come round again.</summary>
    public int Period => _normal.Length;

    /// <summary>One period as a type holds it.</summary>
    /// <param name="type">Float32 or a half.</param>
    /// <param name="deviation">A power of two: a rounded value times it is a rounded value.</param>
    public float[] Of(ElementType type, double deviation)
    {
        if (_values.TryGetValue((type, deviation), out float[]? values)) return values;
        values = Array.ConvertAll(_normal, value => (float)(value * deviation));
        if (type != ElementType.Float32) values = Array.ConvertAll(HalfPrecision.Round(values, type), bits => Widened(type, bits));
        _values.Add((type, deviation), values);
        return values;
    }

    /// <summary>One period as it lies in memory.</summary>
    public byte[] BytesOf(ElementType type, double deviation) => type == ElementType.Float32
        ? MemoryMarshal.AsBytes<float>(Of(type, deviation)).ToArray()
        : MemoryMarshal.AsBytes<ushort>(HalfPrecision.Round(Of(type, deviation), type)).ToArray();

    /// <summary>Values from a place on, round and round.</summary>
    public void CopyTo(Span<float> destination, long place, ElementType type, double deviation)
    {
        ReadOnlySpan<float> period = Of(type, deviation);
        for (int first = (int)(place % Period); !destination.IsEmpty; first = 0)
        {
            int count = Math.Min(destination.Length, Period - first);
            period.Slice(first, count).CopyTo(destination);
            destination = destination[count..];
        }
    }

    /// <summary>The power of two nearest to the deviation that keeps a sum of so many products at the size of its terms' factors.</summary>
    public static double DeviationOfSum(long terms) => Math.ScaleB(1, (int)Math.Round(-0.5 * Math.Log2(terms)));

    private static float Widened(ElementType type, ushort bits)
        => type == ElementType.Float16 ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
