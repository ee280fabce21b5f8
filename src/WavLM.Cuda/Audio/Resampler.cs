using System.Runtime.InteropServices;
using WavLM.Cuda.Audio.Interop;

namespace WavLM.Cuda.Audio;

/// <summary>Any rate to 16 kHz, by libsoxr at its very high quality.</summary>
public static unsafe class Resampler
{
    /// <summary>The rate that the models were trained on.</summary>
    public const int TargetRate = 16_000;

    // The library's buffers are in float64 and grow with what it is given at once: an hour in one call would be gigabytes.
    private const int BlockSamples = 1 << 16;

    private static readonly soxr_quality_spec_t VeryHigh = Soxr.soxr_quality_spec(Soxr.SOXR_VHQ, 0);

    /// <summary>Samples that come out: the duration is kept, rounded to a sample.</summary>
    /// <param name="samples">Samples that go in.</param>
    /// <param name="rate">Their rate.</param>
    public static long OutputLength(long samples, int rate) => rate == TargetRate
        ? samples
        : (long)(((Int128)samples * TargetRate * 2 + rate) / ((Int128)rate * 2));

    /// <summary>Brings a whole signal to 16 kHz. At 16 kHz the samples are returned as they are.</summary>
    /// <param name="samples">One channel, complete.</param>
    /// <param name="rate">Its rate.</param>
    /// <returns><see cref="OutputLength"/> samples.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not positive, or libsoxr can't convert from it.</exception>
    public static float[] To16kHz(ReadOnlySpan<float> samples, int rate)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        if (rate == TargetRate) return samples.ToArray();

        float[] result = new float[checked((int)OutputLength(samples.Length, rate))];
        using SoxrHandle soxr = Soxr.soxr_create(rate, TargetRate, channels: 1, out byte* error, ioSpec: 0, VeryHigh, runtimeSpec: 0);
        if (error is not null || soxr.IsInvalid)
            throw new ArgumentOutOfRangeException(nameof(rate), rate, $"libsoxr can't convert from this rate: {Marshal.PtrToStringUTF8((nint)error)}");

        // Should the filter give a sample more than rounding promised, it is left inside.
        Span<float> rest = result;
        while (!samples.IsEmpty && !rest.IsEmpty)
        {
            ReadOnlySpan<float> block = samples[..Math.Min(samples.Length, BlockSamples)];
            rest = rest[Process(soxr, block, rest, out int taken)..];
            samples = samples[taken..];
        }
        Flush(soxr, rest);
        return result;
    }

    private static int Process(SoxrHandle soxr, ReadOnlySpan<float> input, Span<float> output, out int taken)
    {
        fixed (float* from = input, to = output)
        {
            ThrowIfFailed(Soxr.soxr_process(soxr, from, (nuint)input.Length, out nuint inputDone, to, (nuint)output.Length, out nuint outputDone));
            taken = (int)inputDone;
            return (int)outputDone;
        }
    }

    // Input null says that the signal is over. The last fraction of a sample that never comes stays zero.
    private static void Flush(SoxrHandle soxr, Span<float> rest)
    {
        while (!rest.IsEmpty)
        {
            fixed (float* to = rest)
            {
                ThrowIfFailed(Soxr.soxr_process(soxr, null, 0, out _, to, (nuint)rest.Length, out nuint done));
                if (done == 0) return;
                rest = rest[(int)done..];
            }
        }
    }

    private static void ThrowIfFailed(byte* error)
    {
        if (error is not null) throw new InvalidOperationException($"libsoxr: {Marshal.PtrToStringUTF8((nint)error)}");
    }
}
