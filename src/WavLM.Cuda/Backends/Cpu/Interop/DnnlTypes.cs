using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cpu.Interop;

// Values and layouts of dnnl_types.h, version 2.6.

internal enum DnnlStatus
{
    Success = 0,
    OutOfMemory = 1,
    InvalidArguments = 2,
    Unimplemented = 3,
    IteratorEnds = 4,
    RuntimeError = 5,
    NotRequired = 6,
}

internal enum DnnlEngineKind
{
    Cpu = 1,
}

internal enum DnnlType
{
    BFloat16 = 2,
    Float32 = 3,
    Int32 = 4,
    Int8 = 5,
    UInt8 = 6,
}

internal enum DnnlFormatTag
{
    Any = 1,
}

internal enum DnnlAlgorithm
{
    GeluErf = 0x30,
}

internal enum DnnlScratchpadMode
{
    User = 1,
}

internal enum DnnlQuery
{
    Weights = 131,
    Scratchpad = 136,
}

/// <summary>Which tensor an execution argument is.</summary>
internal enum DnnlArgumentIndex
{
    Source = 1,
    Destination = 17,
    Weights = 33,
    Bias = 41,
    Scratchpad = 80,
}

/// <summary>Bit sets: an instruction set contains the ones below it. Those that are asked for here.</summary>
[Flags]
internal enum DnnlCpuIsa
{
    Avx512Core = 0x27,
    Avx512Vnni = 0x67,
}

/// <summary>dnnl_version_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct DnnlVersion
{
    public readonly int Major;
    public readonly int Minor;
    public readonly int Patch;
    private readonly nint _hash;
    private readonly uint _cpuRuntime;
    private readonly uint _gpuRuntime;
}

/// <summary>dnnl_exec_arg_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct DnnlArgument(DnnlArgumentIndex index, nint memory)
{
    public readonly DnnlArgumentIndex Index = index;
    public readonly nint Memory = memory;
}

/// <summary>dnnl_memory_desc_t: opaque here, filled by the library's own functions alone.</summary>
[StructLayout(LayoutKind.Sequential, Size = 696)]
internal readonly struct DnnlMemoryDescriptor
{
    private readonly long _alignment;
}

/// <summary>dnnl_matmul_desc_t: opaque here, filled by dnnl_matmul_desc_init alone.</summary>
[StructLayout(LayoutKind.Sequential, Size = 2800)]
internal readonly struct DnnlMatmulDescriptor
{
    private readonly long _alignment;
}
