using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>
/// The functions of libcuda that the runtime calls (cuda.h). CUDA 11.8 to 13: each is the entry point that the header's plain name
/// stands for in all three, or the older one that all still export. A device is an int, a device address a nuint, a CUfunction a nint
/// that lives as long as its module.
/// </summary>
internal static unsafe partial class Driver
{
    private const string Library = "cuda";   // a key for NativeLibraries, not a file name

    [LibraryImport(Library)]
    internal static partial CuResult cuInit(uint flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuDriverGetVersion(out int version);

    [LibraryImport(Library)]
    internal static partial CuResult cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    internal static partial CuResult cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    internal static partial CuResult cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    internal static partial CuResult cuDeviceGetAttribute(out int value, CuDeviceAttribute attribute, int device);

    [LibraryImport(Library)]
    internal static partial CuResult cuDeviceTotalMem_v2(out nuint bytes, int device);

    [LibraryImport(Library)]
    internal static partial CuResult cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library)]
    internal static partial CuResult cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    internal static partial CuResult cuCtxSetCurrent(PrimaryContextHandle context);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamCreate(out nint stream, CuStreamFlags flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamSynchronize(StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamWaitEvent(StreamHandle stream, EventHandle waitFor, uint flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamBeginCapture_v2(StreamHandle stream, CuStreamCaptureMode mode);

    [LibraryImport(Library)]
    internal static partial CuResult cuStreamEndCapture(StreamHandle stream, out nint graph);

    [LibraryImport(Library)]
    internal static partial CuResult cuEventCreate(out nint created, CuEventFlags flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuEventDestroy_v2(nint destroyed);

    [LibraryImport(Library)]
    internal static partial CuResult cuEventRecord(EventHandle recorded, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuEventSynchronize(EventHandle waitFor);

    /// <returns>CUDA_ERROR_NOT_READY, which is no failure, while work before the event is under way.</returns>
    [LibraryImport(Library)]
    internal static partial CuResult cuEventQuery(EventHandle asked);

    [LibraryImport(Library)]
    internal static partial CuResult cuEventElapsedTime(out float milliseconds, EventHandle start, EventHandle end);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemPoolCreate(out nint pool, in CUmemPoolProps properties);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemPoolDestroy(nint pool);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemPoolSetAttribute(MemPoolHandle pool, CuMemPoolAttribute attribute, void* value);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemPoolTrimTo(MemPoolHandle pool, nuint bytesToKeep);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemAllocFromPoolAsync(out nuint address, nuint bytes, MemPoolHandle pool, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemFreeAsync(nuint address, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemHostAlloc(out nint address, nuint bytes, CuMemHostAllocFlags flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemFreeHost(nint address);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemcpyHtoDAsync_v2(nuint destination, void* source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemcpyDtoHAsync_v2(void* destination, nuint source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemcpyDtoDAsync_v2(nuint destination, nuint source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuMemsetD32Async(nuint destination, uint value, nuint count, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuModuleLoadData(out nint module, void* image);

    [LibraryImport(Library)]
    internal static partial CuResult cuModuleUnload(nint module);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial CuResult cuModuleGetFunction(out nint function, ModuleHandle module, string name);

    [LibraryImport(Library)]
    internal static partial CuResult cuFuncSetAttribute(nint function, CuFunctionAttribute attribute, int value);

    [LibraryImport(Library)]
    internal static partial CuResult cuFuncGetAttribute(out int value, CuFunctionAttribute attribute, nint function);

    [LibraryImport(Library)]
    internal static partial CuResult cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, StreamHandle stream, void** arguments, void** extra);

    [LibraryImport(Library)]
    internal static partial CuResult cuGetErrorName(CuResult result, out byte* name);

    [LibraryImport(Library)]
    internal static partial CuResult cuGetErrorString(CuResult result, out byte* text);

    [LibraryImport(Library)]
    internal static partial CuResult cuGraphInstantiateWithFlags(out nint executable, GraphHandle graph, CuGraphInstantiateFlags flags);

    [LibraryImport(Library)]
    internal static partial CuResult cuGraphLaunch(GraphExecHandle executable, StreamHandle stream);

    [LibraryImport(Library)]
    internal static partial CuResult cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    internal static partial CuResult cuGraphDestroy(nint graph);

    /// <exception cref="CudaException">The call was wrong, or the device cannot do it; the context is as before.</exception>
    /// <exception cref="DeviceMemoryException">The device has no such memory left; the context is as before.</exception>
    /// <exception cref="DeviceLostException">The context is dead, and so is everything made in it.</exception>
    internal static void ThrowIfFailed(CuResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CuResult.CUDA_SUCCESS) throw CudaException.For(result, call);
    }

    /// <summary>The driver's own words for a code; the code's name where it knows none.</summary>
    internal static string TextOf(CuResult result)
        => cuGetErrorString(result, out byte* text) == CuResult.CUDA_SUCCESS && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : result.ToString();
}
