using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// A device with its primary context, current on the thread that opened it. That thread alone uses whatever is made of it, and
/// releases what others let go.
/// </summary>
internal sealed class CudaDevice : IDisposable
{
    private CudaDevice(int ordinal)
    {
        Driver.ThrowIfFailed(Driver.cuDeviceGet(out int device, ordinal));
        Ordinal = ordinal;
        Name = NameOf(device);
        Architecture = 10 * Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        Multiprocessors = Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        SharedBytesOfBlock = Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        if (Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) == 0)
            throw new PlatformNotSupportedException($"CUDA device {ordinal} ({Name}, sm_{Architecture}) has no memory pools, which CUDA 11.2 brought; it can't be used here");
        Driver.ThrowIfFailed(Driver.cuDeviceTotalMem_v2(out nuint total, device));
        TotalBytes = (long)total;
        Context = PrimaryContextHandle.Retain(device, new PendingReleases());
        Driver.ThrowIfFailed(Driver.cuCtxSetCurrent(Context));

        int Attribute(CuDeviceAttribute attribute)
        {
            Driver.ThrowIfFailed(Driver.cuDeviceGetAttribute(out int value, attribute, device));
            return value;
        }
    }

    /// <summary>Devices that the driver sees.</summary>
    /// <exception cref="CudaException">The driver does not start.</exception>
    public static int Count
    {
        get
        {
            Driver.ThrowIfFailed(Driver.cuInit(0));
            Driver.ThrowIfFailed(Driver.cuDeviceGetCount(out int count));
            return count;
        }
    }

    /// <summary>The CUDA version that the driver is for: 12080 is 12.8.</summary>
    public static int DriverVersion
    {
        get
        {
            Driver.ThrowIfFailed(Driver.cuDriverGetVersion(out int version));
            return version;
        }
    }

    public int Ordinal { get; }

    public string Name { get; }

    /// <summary>80 for sm_80.</summary>
    public int Architecture { get; }

    public int Multiprocessors { get; }

    /// <summary>Shared memory that a block can have once its kernel asked for it.</summary>
    public int SharedBytesOfBlock { get; }

    public long TotalBytes { get; }

    /// <summary>Bytes of the current thread's device that nobody holds now, other processes included.</summary>
    public static long FreeBytes
    {
        get
        {
            Driver.ThrowIfFailed(Driver.cuMemGetInfo_v2(out nuint free, out _));
            return (long)free;
        }
    }

    internal PrimaryContextHandle Context { get; }

    /// <summary>Opens a device and makes it the calling thread's own.</summary>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it is too old.</exception>
    public static CudaDevice Open(int ordinal)
    {
        int count = Count;
        if (ordinal < 0 || ordinal >= count)
            throw new PlatformNotSupportedException($"there is no CUDA device {ordinal}: the driver sees {count}{(count == 0 ? "" : $", 0 to {count - 1}")}");
        return new CudaDevice(ordinal);
    }

    /// <summary>Releases what was let go on other threads.</summary>
    public void ReleasePending() => Context.Releases.Drain();

    public void Dispose()
    {
        ReleasePending();
        Context.Dispose();
    }

    internal static unsafe string NameOf(int device)
    {
        const int Longest = 256;
        byte* name = stackalloc byte[Longest];
        Driver.ThrowIfFailed(Driver.cuDeviceGetName(name, Longest, device));
        return Marshal.PtrToStringUTF8((nint)name)!;
    }
}
