namespace WavLM.Cuda.Backends.Cuda;

/// <summary>How many neighbours of a row a thread reads or writes at once: WIDTH in the kernels.</summary>
internal static class PackedWidth
{
    private const int BytesOfAccess = 16;

    /// <summary>As many as fill an access of the narrowest type, and divide the row, so that no access straddles two rows.</summary>
    public static int Of(int columns, params ReadOnlySpan<ElementType> types)
    {
        int width = 1;
        foreach (ElementType type in types) width = Math.Max(width, BytesOfAccess / type.Bytes());
        while (columns % width != 0) width /= 2;
        return width;
    }
}
