namespace WavLM.Cuda.KernelsCheck;

/// <summary>
/// What a multiprocessor holds (CUDA C++ programming guide, technical specifications per compute capability). In common they have
/// 65,536 registers in four parts, 32 threads a warp and 1,024 a block.
/// </summary>
/// <param name="Number">80 for sm_80.</param>
/// <param name="Warps">Warps at a time.</param>
/// <param name="Blocks">Blocks at a time.</param>
/// <param name="SharedBytes">Shared memory of all its blocks.</param>
/// <param name="SharedBytesOfBlock">The most that one block may have, its static part included.</param>
internal sealed record Architecture(int Number, int Warps, int Blocks, int SharedBytes, int SharedBytesOfBlock)
{
    public static IReadOnlyList<Architecture> All { get; } =
    [
        new(80, Warps: 64, Blocks: 32, SharedBytes: 164 << 10, SharedBytesOfBlock: 163 << 10),   // A100
        new(86, Warps: 48, Blocks: 16, SharedBytes: 100 << 10, SharedBytesOfBlock: 99 << 10),    // A10, RTX 3090
        new(89, Warps: 48, Blocks: 24, SharedBytes: 100 << 10, SharedBytesOfBlock: 99 << 10),    // L4, RTX 4090
        new(90, Warps: 64, Blocks: 32, SharedBytes: 228 << 10, SharedBytesOfBlock: 227 << 10),   // H100
    ];

    public override string ToString() => $"sm_{Number}";
}
