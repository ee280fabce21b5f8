namespace WavLM.Cuda.Backends;

/// <summary>What a tensor's elements are.</summary>
internal enum ElementType
{
    Float32,
    BFloat16,
    Int32,
}

internal static class ElementTypes
{
    public static int Bytes(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.Int32 => sizeof(float),
        ElementType.BFloat16 => sizeof(ushort),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
    };
}
