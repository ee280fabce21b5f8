namespace WavLM.Cuda.KernelsCheck;

internal enum FindingKind
{
    Error,
    Warning,
    Spill,
}

/// <summary>Something that must not be: which kernel, for which architecture, what was found and what was expected.</summary>
internal sealed record Finding(FindingKind Kind, string Kernel, Architecture Architecture, string Found, string Expected)
{
    public override string ToString() => $"{Kind.ToString().ToLowerInvariant()}: {Kernel}, {Architecture}: {Found}; expected {Expected}";
}
