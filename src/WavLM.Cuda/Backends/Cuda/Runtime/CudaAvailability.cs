using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>Whether CUDA can be used at all, found out in milliseconds: no context is made and no memory taken.</summary>
internal static class CudaAvailability
{
    /// <exception cref="NativeLibraryException">A library is missing; the message has every place that was looked at.</exception>
    /// <exception cref="PlatformNotSupportedException">The driver does not start, or there is no such device.</exception>
    public static void Require(int ordinal)
    {
        int count = Count();
        foreach (CudaLibraryName library in CudaLibraries.Names) CudaLibraries.Load(library.Key);
        if (ordinal >= count)
            throw new PlatformNotSupportedException($"there is no CUDA device {ordinal}: the driver sees {count}{(count > 1 ? $", 0 to {count - 1}" : "")}");
    }

    private static int Count()
    {
        try
        {
            return CudaDevice.Count;
        }
        catch (Exception e) when (e is CudaException or DeviceLostException or DeviceMemoryException)
        {
            throw new PlatformNotSupportedException($"CUDA can't be used: {e.Message}", e);
        }
    }
}
