namespace WavLM.Cuda.Checks;

/// <summary>Every check, family by family.</summary>
public static class CheckList
{
    public static IReadOnlyList<Check> All { get; } =
    [
        .. LayerNormChecks.All,
        .. LinearChecks.All,
        .. NormalizeWaveformsChecks.All,
        .. FirstConvChecks.All,
        .. StridedConvChecks.All,
        .. CompactChecks.All,
        .. PositionalConvChecks.All,
        .. GatedAttentionChecks.All,
        .. WeightedSumChecks.All,
        .. PoolChecks.All,
        .. NearestCentroidChecks.All,
        .. RelativeBucketsChecks.All,
        .. VectorMathChecks.All,
    ];
}
