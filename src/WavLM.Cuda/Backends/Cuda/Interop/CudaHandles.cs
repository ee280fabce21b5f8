using Microsoft.Win32.SafeHandles;

namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>
/// A native object whose release needs its context to be alive and current. It keeps the context alive, and is released on the device's
/// thread alone: disposed there at once, disposed or collected elsewhere through <see cref="PendingReleases"/>.
/// </summary>
internal abstract class DeviceObjectHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly PrimaryContextHandle _context;
    private readonly Action<nint> _destroy;

    protected DeviceObjectHandle(nint created, PrimaryContextHandle context, Action<nint> destroy) : base(ownsHandle: true)
    {
        _context = context;
        _destroy = destroy;
        bool added = false;
        context.DangerousAddRef(ref added);   // not a reference alone: finalizers run in any order
        SetHandle(created);
    }

    protected override bool ReleaseHandle()
    {
        _context.Releases.Release(handle, _destroy, _context);
        return true;
    }
}

/// <summary>A device's primary context: one a process, shared with every other user of the device in it.</summary>
internal sealed class PrimaryContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly Action<nint> _destroy;

    /// <param name="retained">The context.</param>
    /// <param name="releases">Of the device's thread.</param>
    /// <param name="destroy">Gives the context back.</param>
    internal PrimaryContextHandle(nint retained, PendingReleases releases, Action<nint> destroy) : base(ownsHandle: true)
    {
        Releases = releases;
        _destroy = destroy;
        SetHandle(retained);
    }

    /// <summary>Where what was made in this context waits for its release.</summary>
    public PendingReleases Releases { get; }

    /// <exception cref="CudaException">The device gives no context.</exception>
    public static PrimaryContextHandle Retain(int device, PendingReleases releases)
    {
        Driver.ThrowIfFailed(Driver.cuDevicePrimaryCtxRetain(out nint context, device));
        return new(context, releases, _ => Driver.cuDevicePrimaryCtxRelease_v2(device));
    }

    protected override bool ReleaseHandle()
    {
        Releases.Release(handle, _destroy, context: null);
        return true;
    }
}

internal sealed class StreamHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static stream => Driver.cuStreamDestroy_v2(stream))
{
    public static StreamHandle Create(CuStreamFlags flags, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuStreamCreate(out nint stream, flags));
        return new(stream, context);
    }
}

internal sealed class EventHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static recorded => Driver.cuEventDestroy_v2(recorded))
{
    public static EventHandle Create(CuEventFlags flags, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuEventCreate(out nint created, flags));
        return new(created, context);
    }
}

internal sealed class MemPoolHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static pool => Driver.cuMemPoolDestroy(pool))
{
    public static MemPoolHandle Create(in CUmemPoolProps properties, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuMemPoolCreate(out nint pool, properties));
        return new(pool, context);
    }
}

/// <summary>Page-locked host memory.</summary>
internal sealed class PinnedMemoryHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static address => Driver.cuMemFreeHost(address))
{
    public static PinnedMemoryHandle Create(nuint bytes, CuMemHostAllocFlags flags, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuMemHostAlloc(out nint address, bytes, flags));
        return new(address, context);
    }
}

/// <summary>A module's functions live as long as it does.</summary>
internal sealed class ModuleHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static module => Driver.cuModuleUnload(module))
{
    /// <param name="image">A cubin, or PTX with its terminating zero.</param>
    /// <param name="context">Current on this thread.</param>
    public static unsafe ModuleHandle Load(ReadOnlySpan<byte> image, PrimaryContextHandle context)
    {
        fixed (byte* address = image)
        {
            Driver.ThrowIfFailed(Driver.cuModuleLoadData(out nint module, address));
            return new(module, context);
        }
    }
}

/// <summary>What a stream captured.</summary>
internal sealed class GraphHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static graph => Driver.cuGraphDestroy(graph))
{
    public static GraphHandle EndCapture(StreamHandle stream, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuStreamEndCapture(stream, out nint graph));
        return new(graph, context);
    }
}

internal sealed class GraphExecHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static executable => Driver.cuGraphExecDestroy(executable))
{
    public static GraphExecHandle Instantiate(GraphHandle graph, PrimaryContextHandle context)
    {
        Driver.ThrowIfFailed(Driver.cuGraphInstantiateWithFlags(out nint executable, graph, CuGraphInstantiateFlags.None));
        return new(executable, context);
    }
}

/// <summary>The library's own handle, bound to the context that was current when it was made.</summary>
internal sealed class CublasLtHandle(nint created, PrimaryContextHandle context) : DeviceObjectHandle(created, context, static handle => CublasLt.cublasLtDestroy(handle))
{
    public static CublasLtHandle Create(PrimaryContextHandle context)
    {
        CublasLt.ThrowIfFailed(CublasLt.cublasLtCreate(out nint handle));
        return new(handle, context);
    }
}

// The rest is memory of the host and needs no context: any thread may release it, a finalizer's too.

internal sealed class MatmulDescHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => CublasLt.cublasLtMatmulDescDestroy(handle) == CublasStatus.CUBLAS_STATUS_SUCCESS;
}

internal sealed class MatrixLayoutHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => CublasLt.cublasLtMatrixLayoutDestroy(handle) == CublasStatus.CUBLAS_STATUS_SUCCESS;
}

internal sealed class MatmulPreferenceHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => CublasLt.cublasLtMatmulPreferenceDestroy(handle) == CublasStatus.CUBLAS_STATUS_SUCCESS;
}

internal sealed class NvrtcProgramHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Nvrtc.nvrtcDestroyProgram(ref handle) == NvrtcResult.NVRTC_SUCCESS;
}
