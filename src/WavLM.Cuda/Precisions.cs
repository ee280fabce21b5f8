namespace WavLM.Cuda;

/// <summary>The precisions' names on the command line and in the manifest, and which of them a device computes in.</summary>
internal static class Precisions
{
    /// <summary>"fp32", "fp16" or "bf16".</summary>
    public static string CommandLineName(this Precision precision) => precision switch
    {
        Precision.Float32 => "fp32",
        Precision.Float16 => "fp16",
        Precision.BFloat16 => "bf16",
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
        _ => throw new FormatException($"precision {text}: expected auto, fp32, fp16 or bf16"),
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
                $"precision fp16 is computed on CUDA alone{(whyNotCuda is null ? "" : $", and there is none ({whyNotCuda})")}; the CPU computes in fp32 or bf16: ask for one of them, or for auto");
        }
        return asked.Value;
    }
}
