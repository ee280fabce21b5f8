using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>What the driver says of a device before anyone uses it: no context is made, which would take memory on it.</summary>
/// <param name="Ordinal">As the driver counts.</param>
/// <param name="Name">As NVIDIA sells it.</param>
/// <param name="Architecture">80 for sm_80.</param>
/// <param name="Multiprocessors">Of them.</param>
/// <param name="TotalBytes">Memory.</param>
/// <param name="SecondCacheBytes">Of the cache that all multiprocessors share.</param>
/// <param name="HasMemoryPools">Whether memory can be had in the order of a stream: not on every virtual GPU.</param>
internal sealed record DeviceFacts(int Ordinal, string Name, int Architecture, int Multiprocessors, long TotalBytes, long SecondCacheBytes, bool HasMemoryPools)
{
    private const int OldestArchitecture = 80;   // cp.async of kernels/common/ptx.cuh came with it

    /// <exception cref="PlatformNotSupportedException">There is no such device.</exception>
    /// <exception cref="CudaException">The driver does not start.</exception>
    public static DeviceFacts Of(int ordinal)
    {
        int count = CudaDevice.Count;
        if (ordinal < 0 || ordinal >= count)
            throw new PlatformNotSupportedException($"there is no CUDA device {ordinal}: the driver sees {count}{(count > 1 ? $", 0 to {count - 1}" : "")}");
        Driver.ThrowIfFailed(Driver.cuDeviceGet(out int device, ordinal));
        Driver.ThrowIfFailed(Driver.cuDeviceTotalMem_v2(out nuint bytes, device));
        return new(
            ordinal,
            NameOf(device),
            10 * Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
            Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
            (long)bytes,
            Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
            Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) != 0);

        int Attribute(CuDeviceAttribute attribute)
        {
            Driver.ThrowIfFailed(Driver.cuDeviceGetAttribute(out int value, attribute, device));
            return value;
        }
    }

    /// <exception cref="PlatformNotSupportedException">It lacks what the kernels or the memory pool are built on.</exception>
    public void RequireUsable()
    {
        if (Architecture < OldestArchitecture)
            throw new PlatformNotSupportedException($"CUDA device {Ordinal} ({Name}) is sm_{Architecture}, and the kernels need sm_{OldestArchitecture} or newer");
        if (!HasMemoryPools)
            throw new PlatformNotSupportedException($"CUDA device {Ordinal} ({Name}, sm_{Architecture}) has no memory pools, which are needed here");
    }

    private static unsafe string NameOf(int device)
    {
        const int Longest = 256;
        byte* name = stackalloc byte[Longest];
        Driver.ThrowIfFailed(Driver.cuDeviceGetName(name, Longest, device));
        return Marshal.PtrToStringUTF8((nint)name)!;
    }
}
