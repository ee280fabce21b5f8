using System.Runtime.Intrinsics.X86;
using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Tests;

/// <summary>What a precision asks of the CPU, so that a test can be skipped where it is not.</summary>
internal static class CpuInstructions
{
    public static bool Have(Precision precision) => precision switch
    {
        Precision.BFloat16 => Avx512F.IsSupported,
        Precision.Int8 => Avx512F.IsSupported && Dnnl.dnnl_get_effective_cpu_isa().HasFlag(DnnlCpuIsa.Avx512Vnni),
        _ => true,
    };

    public static void Require(Precision precision)
        => Skip.IfNot(Have(precision), precision == Precision.Int8 ? "int8 needs AVX-512 VNNI" : "bfloat16 needs AVX-512");
}
