using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>What cuBLASLt says of an algorithm: the parts that decide the order of a sum's terms.</summary>
internal readonly record struct GemmAlgorithm(int Id, int Tile, int Stages, int SplitK, int ReductionScheme)
{
    public static GemmAlgorithm Of(in cublasLtMatmulAlgo_t algorithm) => new(
        Attribute(algorithm, CublasLtMatmulAlgoConfigAttributes.CUBLASLT_ALGO_CONFIG_ID),
        Attribute(algorithm, CublasLtMatmulAlgoConfigAttributes.CUBLASLT_ALGO_CONFIG_TILE_ID),
        Attribute(algorithm, CublasLtMatmulAlgoConfigAttributes.CUBLASLT_ALGO_CONFIG_STAGES_ID),
        Attribute(algorithm, CublasLtMatmulAlgoConfigAttributes.CUBLASLT_ALGO_CONFIG_SPLITK_NUM),
        Attribute(algorithm, CublasLtMatmulAlgoConfigAttributes.CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME));

    public override string ToString() => $"{Id}/{Tile}/{Stages}";

    private static unsafe int Attribute(in cublasLtMatmulAlgo_t algorithm, CublasLtMatmulAlgoConfigAttributes attribute)
    {
        int value = 0;
        CublasLt.ThrowIfFailed(CublasLt.cublasLtMatmulAlgoConfigGetAttribute(algorithm, attribute, &value, sizeof(int), out _));
        return value;
    }
}
