using System.Globalization;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Native;

namespace WavLM.Cuda;

/// <summary>Where an encoder computes: the CPU, a CUDA device by its ordinal, or whichever of them there is.</summary>
public readonly record struct Device
{
    private const string CudaName = "cuda";

    private readonly Kind _kind;

    private Device(Kind kind, int ordinal) => (_kind, Ordinal) = (kind, ordinal);

    private enum Kind
    {
        Auto,
        Cpu,
        Cuda,
    }

    /// <summary>The first CUDA device where there is one and it can be used, else the CPU; the others are not looked at.</summary>
    public static Device Auto => default;

    /// <summary>The CPU.</summary>
    public static Device Cpu => new(Kind.Cpu, 0);

    /// <summary>Which of several CUDA devices, counted as the driver counts them; 0 otherwise.</summary>
    public int Ordinal { get; }

    /// <summary>Whether it is still to be found out where to compute.</summary>
    public bool IsAuto => _kind == Kind.Auto;

    /// <summary>Whether it is a CUDA device.</summary>
    public bool IsCuda => _kind == Kind.Cuda;

    /// <summary>A CUDA device.</summary>
    /// <param name="ordinal">As the driver counts.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static Device Cuda(int ordinal = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ordinal);
        return new(Kind.Cuda, ordinal);
    }

    /// <summary>Reads "auto", "cpu", "cuda" or "cuda:1".</summary>
    /// <param name="text">As it stands on the command line.</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static Device Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "auto") return Auto;
        if (text == "cpu") return Cpu;
        if (text == CudaName) return Cuda();
        if (text.StartsWith(CudaName + ":", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(CudaName.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal))
            return Cuda(ordinal);
        throw new FormatException($"device {text}: expected auto, cpu, cuda or cuda:N");
    }

    /// <summary>Makes sure that the driver, the compiler and the matrix library are there, and the device too. Takes no memory on it.</summary>
    /// <exception cref="NativeLibraryException">A library is missing; the message has every place that was looked at.</exception>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it can't be used.</exception>
    public void RequireUsable()
    {
        if (IsCuda) CudaAvailability.Require(Ordinal);
    }

    /// <summary>What "auto" comes to on this machine; any other device is what it is, usable or not.</summary>
    /// <param name="whyNotCuda">Why it came to the CPU; null in every other case.</param>
    public Device Resolve(out string? whyNotCuda)
    {
        whyNotCuda = null;
        if (!IsAuto) return this;
        try
        {
            CudaAvailability.Require(ordinal: 0);
            return Cuda();
        }
        catch (Exception e) when (e is NativeLibraryException or PlatformNotSupportedException)
        {
            whyNotCuda = e.Message.Split('\n')[0].Split(". Tried:")[0];   // the places are for who asks for CUDA, and for the doctor
            return Cpu;
        }
    }

    /// <returns>As <see cref="Parse"/> reads it.</returns>
    public override string ToString() => _kind switch
    {
        Kind.Cpu => "cpu",
        Kind.Cuda => Ordinal == 0 ? CudaName : string.Create(CultureInfo.InvariantCulture, $"{CudaName}:{Ordinal}"),
        _ => "auto",
    };
}
