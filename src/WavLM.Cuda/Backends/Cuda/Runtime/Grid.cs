namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>Blocks of a launch. Frames go in x, the only dimension that is long enough.</summary>
internal readonly record struct Grid(long X, int Y = 1, int Z = 1)
{
    /// <summary>As many blocks as cover the rows.</summary>
    public static Grid Over(long rows, int rowsOfBlock) => new((rows + rowsOfBlock - 1) / rowsOfBlock);

    public override string ToString() => $"({X}, {Y}, {Z})";
}
