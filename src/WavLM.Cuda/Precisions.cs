namespace WavLM.Cuda;

/// <summary>The precisions' names on the command line and in the manifest, and which of them a device computes in.</summary>
internal static class Precisions
{
    /// <summary>All that CUDA computes in.</summary>
    public static IReadOnlyList<Precision> OfCuda { get; } = [Precision.Float32, Precision.Float16, Precision.BFloat16];

    /// <summary>All that the CPU computes in, with the instructions for it.</summary>
    public static IReadOnlyList<Precision> OfCpu { get; } = [Precision.Float32, Precision.BFloat16, Precision.Int8];

    /// <summary>"fp32", "fp16", "bf16" or "int8".</summary>
    public static string CommandLineName(this Precision precision) => precision switch
    {
        Precision.Float32 => "fp32",
        Precision.Float16 => "fp16",
        Precision.BFloat16 => "bf16",
        Precision.Int8 => "int8",
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no such precision"),
    };

    /// <summary>Reads "auto" as null, and the others' names.</summary>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static Precision? Parse(string text) => text switch
    {
        "auto" => null,
        "fp32" => Precision.Float32,
        "fp16" => Precision.Float16,
        "bf16" => Precision.BFloat16,
        "int8" => Precision.Int8,
        _ => throw new FormatException($"precision {text}: expected auto, fp32, fp16, bf16 or int8"),
    };

    /// <summary>What is computed in: what was asked for, or the device's own choice.</summary>
    /// <param name="asked">Null: float16 on CUDA, float32 on the CPU.</param>
    /// <param name="device">Where; no longer "auto".</param>
    /// <param name="whyNotCuda">Why "auto" came to the CPU, if it did.</param>
    /// <exception cref="PlatformNotSupportedException">The device does not compute in it.</exception>
    public static Precision On(Device device, Precision? asked, string? whyNotCuda)
    {
        if (asked is null) return device.IsCuda ? Precision.Float16 : Precision.Float32;
        if (asked == Precision.Float16 && !device.IsCuda)
        {
            throw new PlatformNotSupportedException(
                $"precision fp16 is computed on CUDA alone{(whyNotCuda is null ? "" : $", and there is none ({whyNotCuda})")}; the CPU computes in fp32, bf16 or int8: ask for one of them, or for auto");
        }
        if (asked == Precision.Int8 && device.IsCuda)
            throw new PlatformNotSupportedException("precision int8 is computed on the CPU alone; CUDA computes in fp32, fp16 or bf16: ask for one of them, or for --device cpu");
        return asked.Value;
    }
}
