using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda.Interop;

// Values and layouts of cuda.h, the same in CUDA 11.8, 12.8 and 13.0. Members that are used.

internal enum CuDeviceAttribute
{
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
    CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115,
}

internal enum CuFunctionAttribute
{
    CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
}

internal enum CuStreamFlags : uint
{
    CU_STREAM_DEFAULT = 0,
    CU_STREAM_NON_BLOCKING = 1,
}

[Flags]
internal enum CuEventFlags : uint
{
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_DISABLE_TIMING = 2,
}

internal enum CuStreamCaptureMode
{
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
}

/// <summary>Its value is a 64-bit number.</summary>
internal enum CuMemPoolAttribute
{
    CU_MEMPOOL_ATTR_RELEASE_THRESHOLD = 4,
}

internal enum CuMemAllocationType
{
    CU_MEM_ALLOCATION_TYPE_PINNED = 1,
}

internal enum CuMemLocationType
{
    CU_MEM_LOCATION_TYPE_DEVICE = 1,
}

internal enum CuMemAllocationHandleType
{
    CU_MEM_HANDLE_TYPE_NONE = 0,
}

/// <summary>Flags of cuMemHostAlloc: macros in the header, not an enum.</summary>
internal enum CuMemHostAllocFlags : uint
{
    None = 0,
}

/// <summary>As wide as the argument of cuGraphInstantiateWithFlags.</summary>
internal enum CuGraphInstantiateFlags : ulong
{
    None = 0,
}

/// <summary>Where memory lies.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct CUmemLocation
{
    [FieldOffset(0)] public CuMemLocationType type;
    [FieldOffset(4)] public int id;
}

/// <summary>What a memory pool is made with. The bytes that are not named are the header's reserved ones and must be zero.</summary>
[StructLayout(LayoutKind.Explicit, Size = 88)]
internal struct CUmemPoolProps
{
    [FieldOffset(0)] public CuMemAllocationType allocType;
    [FieldOffset(4)] public CuMemAllocationHandleType handleTypes;
    [FieldOffset(8)] public CUmemLocation location;
    [FieldOffset(16)] public nint win32SecurityAttributes;
}
