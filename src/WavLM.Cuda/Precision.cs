namespace WavLM.Cuda;

/// <summary>Type of the matrix operands. Sums, statistics, the residual stream and the waveform are float32 in each.</summary>
public enum Precision
{
    /// <summary>Exact: every layer within 1e-5 of float64 (relative L2).</summary>
    Float32,

    /// <summary>Operands in float16, on CUDA alone: every layer within 2e-3 of float64 (relative L2). An operand beyond 65,504 becomes infinite.</summary>
    Float16,

    /// <summary>Operands in bfloat16, with float32's range: every layer within 1.5e-2 of float64 (relative L2).</summary>
    BFloat16,

    /// <summary>
    /// On the CPU alone, with AVX-512 VNNI: as <see cref="BFloat16" />, but linear maps and strided convolutions multiply integers of 8 bits,
    /// scaled by frame and by output. Every layer within 5e-2 of float64 (relative L2).
    /// </summary>
    Int8,
}
