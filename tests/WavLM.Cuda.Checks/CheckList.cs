namespace WavLM.Cuda.Checks;

/// <summary>Every check, family by family.</summary>
public static class CheckList
{
    public static IReadOnlyList<Check> All { get; } =
    [
        .. LayerNormChecks.All,
    ];
}
