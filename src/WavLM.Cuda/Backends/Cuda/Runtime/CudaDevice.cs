using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// A device with its primary context, current on the thread that opened it. That thread alone uses whatever is made of it, and
/// releases what others let go.
/// </summary>
internal sealed class CudaDevice : IDisposable
{
    private CudaDevice(DeviceFacts facts)
    {
        Facts = facts;
        Driver.ThrowIfFailed(Driver.cuDeviceGet(out int device, facts.Ordinal));
        Driver.ThrowIfFailed(Driver.cuDeviceGetAttribute(out int sharedBytes, CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device));
        SharedBytesOfBlock = sharedBytes;
        Context = PrimaryContextHandle.Retain(device, new PendingReleases());
        try
        {
            Driver.ThrowIfFailed(Driver.cuCtxSetCurrent(Context));
        }
        catch
        {
            Context.Dispose();
            throw;
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

    public DeviceFacts Facts { get; }

    public int Ordinal => Facts.Ordinal;

    public string Name => Facts.Name;

    /// <summary>80 for sm_80.</summary>
    public int Architecture => Facts.Architecture;

    /// <summary>Shared memory that a block can have once its kernel asked for it.</summary>
    public int SharedBytesOfBlock { get; }

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
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it is too old, or it gives no context.</exception>
    public static CudaDevice Open(int ordinal)
    {
        DeviceFacts facts = DeviceFacts.Of(ordinal);
        facts.RequireUsable();
        try
        {
            return new CudaDevice(facts);
        }
        catch (CudaException e)
        {
            // Another process may have it to itself.
            throw new PlatformNotSupportedException($"CUDA device {ordinal} ({facts.Name}) can't be used: {e.Message}", e);
        }
    }

    /// <summary>Releases what was let go on other threads.</summary>
    public void ReleasePending() => Context.Releases.Drain();

    public void Dispose()
    {
        ReleasePending();
        Context.Dispose();
    }
}
