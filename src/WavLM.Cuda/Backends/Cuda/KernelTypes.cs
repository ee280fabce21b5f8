namespace WavLM.Cuda.Backends.Cuda;

/// <summary>The element types' names in the kernels.</summary>
internal static class KernelTypes
{
    public static string KernelName(this ElementType type) => type switch
    {
        ElementType.Float32 => "float",
        ElementType.Float16 => "Float16",
        ElementType.BFloat16 => "BFloat16",
        ElementType.Int32 => "int",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
    };
}
