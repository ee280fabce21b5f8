using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>Whether CUDA can be used at all, found out in milliseconds: no context is made and no memory taken.</summary>
internal static class CudaAvailability
{
    /// <exception cref="NativeLibraryException">A library is missing; the message has every place that was looked at.</exception>
    /// <exception cref="PlatformNotSupportedException">The driver does not start, or there is no such device, or it is too old.</exception>
    public static void Require(int ordinal)
    {
        try
        {
            _ = CudaDevice.Count;   // first: a machine without a GPU lacks the other libraries too
            foreach (CudaLibraryName library in CudaLibraries.Names) CudaLibraries.Load(library.Key);
            DeviceFacts.Of(ordinal).RequireUsable();
        }
        catch (Exception e) when (e is CudaException or DeviceLostException or DeviceMemoryException)
        {
            throw new PlatformNotSupportedException($"CUDA can't be used: {e.Message}", e);
        }
    }
}
