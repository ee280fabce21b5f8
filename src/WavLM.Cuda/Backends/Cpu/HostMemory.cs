using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>Blocks of native memory, zeroed and, for the vectors' sake, 64-byte aligned.</summary>
internal static unsafe class HostMemory
{
    private const nint Alignment = 64;

    /// <exception cref="DeviceMemoryException">The system has no such block left.</exception>
    public static nint Allocate(nint bytes)
    {
        nint address;
        try
        {
            address = (nint)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)Alignment);
        }
        catch (OutOfMemoryException cause)
        {
            throw new DeviceMemoryException($"the host has no {bytes:N0} bytes left for a tensor; use a smaller --batch-seconds", cause);
        }
        // Rows past a tensor's last are computed and never read. Fresh memory may hold anything, subnormals too, which are slow.
        NativeMemory.Clear((void*)address, (nuint)bytes);
        return address;
    }

    public static void Free(nint address) => NativeMemory.AlignedFree((void*)address);
}
