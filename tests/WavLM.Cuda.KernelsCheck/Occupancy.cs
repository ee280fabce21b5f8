namespace WavLM.Cuda.KernelsCheck;

/// <summary>Blocks, and so warps, that a multiprocessor can hold of one kernel. None means that it cannot be launched.</summary>
internal readonly record struct Occupancy(int Blocks, int Warps)
{
    private const int ThreadsOfWarp = 32;
    private const int MostThreads = 1024;
    private const int RegistersOfPart = 65536 / Parts;
    private const int Parts = 4;                    // a multiprocessor's; each serves a quarter of the warps out of registers of its own
    private const int RegisterUnit = 256;           // a warp gets registers in units of as many
    private const int SharedUnit = 128;             // and a block gets shared memory so
    private const int ReservedSharedBytes = 1024;   // the system's own, in each block

    /// <param name="architecture">Whose multiprocessor.</param>
    /// <param name="threads">Of a block.</param>
    /// <param name="registers">Of a thread.</param>
    /// <param name="sharedBytes">Static and dynamic shared memory of a block.</param>
    public static Occupancy Of(Architecture architecture, int threads, int registers, int sharedBytes)
    {
        if (threads is < 1 or > MostThreads || sharedBytes > architecture.SharedBytesOfBlock) return default;
        int warps = CeilingOf(threads, ThreadsOfWarp);
        int warpsByRegisters = RegistersOfPart / (CeilingOf(Math.Max(registers, 1) * ThreadsOfWarp, RegisterUnit) * RegisterUnit) * Parts;
        int sharedOfBlock = CeilingOf(sharedBytes + ReservedSharedBytes, SharedUnit) * SharedUnit;
        int blocks = Math.Min(architecture.Blocks, Math.Min(Math.Min(architecture.Warps, warpsByRegisters) / warps, architecture.SharedBytes / sharedOfBlock));
        return new Occupancy(blocks, blocks * warps);
    }

    private static int CeilingOf(int value, int divisor) => (value + divisor - 1) / divisor;
}
