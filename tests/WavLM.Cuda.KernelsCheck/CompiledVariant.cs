using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>What NVRTC made of a variant.</summary>
/// <param name="Checked">Which.</param>
/// <param name="Architecture">For which device.</param>
/// <param name="Functions">Everything in the cubin: the entry point, the file's other ones, and what was not inlined.</param>
/// <param name="Log">What NVRTC said.</param>
internal sealed record CompiledVariant(CheckedVariant Checked, Architecture Architecture, IReadOnlyDictionary<string, FunctionDump> Functions, string Log)
{
    // From sm_90 on a cubin with any shared memory, static or dynamic, counts what the system reserves, in each of its functions.
    private const int FirstThatCountsReserved = 90, ReservedSharedBytes = 1024;

    private KernelVariant Variant => Checked.Variant;

    public FunctionDump Entry => Functions[Variant.Entry];

    /// <summary>Static and dynamic shared memory of a block.</summary>
    public int SharedBytes => Variant.SharedBytes + Math.Max(0, Entry.SharedBytes - (Architecture.Number >= FirstThatCountsReserved ? ReservedSharedBytes : 0));

    public Occupancy Occupancy => Occupancy.Of(Architecture, Variant.Threads, Entry.Registers, SharedBytes);
}
