namespace WavLM.Cuda.Bench.Operations;

/// <summary>One benchmark: an operation at one size, what it must do at least, and how it is run and verified.</summary>
/// <param name="Name">The stem of its kernel; where the model runs it in several places, the place behind it.</param>
/// <param name="Case">Model and load.</param>
/// <param name="Shape">Sizes as a reader wants them.</param>
/// <param name="Work">What must be done.</param>
/// <param name="Prepare">Makes a set of its arguments.</param>
internal sealed record Operation(string Name, string Case, string Shape, Work Work, Func<Buffers, OperationSet> Prepare)
{
    /// <summary>It takes memory while it runs, which can't be recorded: the host launches it each time.</summary>
    public bool TakesMemory { get; init; }

    /// <summary>What a filter is matched with.</summary>
    public string Title => $"{Name} {Case}";
}

/// <summary>What an operation must do, whatever its kernel.</summary>
/// <param name="Bytes">Each input read once, each output written once.</param>
/// <param name="Flops">A multiply-add is two.</param>
/// <param name="Ceiling">What the arithmetic is held against; null in float64, of which no ceiling is measured.</param>
internal sealed record Work(double Bytes, double Flops, string? Ceiling)
{
    public const string Copy = "copy";

    public const string Gemm = "gemm ";

    /// <summary>Arithmetic outside of matrix products, whatever the precision.</summary>
    public static string Float32 { get; } = Gemm + Precision.Float32.CommandLineName();
}

/// <summary>An operation on one set of arguments.</summary>
/// <param name="Run">Begins it.</param>
/// <param name="Verify">Compares what its first run gave with the formula, or throws <see cref="WrongResultException"/>.</param>
internal sealed record OperationSet(Action Run, Action<Agreement> Verify);
