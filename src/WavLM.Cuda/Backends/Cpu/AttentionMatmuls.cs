namespace WavLM.Cuda.Backends.Cpu;

/// <summary>The matrix products of attention for one head width: by tiles of queries, and of keys in steps.</summary>
internal sealed class AttentionMatmuls : IDisposable
{
    /// <summary>Queries of one matmul.</summary>
    public const int Queries = 64;

    /// <summary>Keys of one tile: 64 rows of their scores are 128 KB.</summary>
    public const int Keys = 512;

    /// <summary>Keys are computed up to a multiple of this.</summary>
    public const int KeyStep = 64;

    private readonly Matmul[] _scores;
    private readonly Matmul[] _sums;
    private readonly Reorder[] _packing;

    /// <param name="backend">Makes and keeps the matmuls.</param>
    /// <param name="headWidth">Columns of q, k and v of a head.</param>
    /// <param name="queryStride">Elements between two queries.</param>
    public AttentionMatmuls(CpuBackend backend, int headWidth, int queryStride)
    {
        (HeadWidth, Type) = (headWidth, backend.OperandType);
        int[] keys = [.. Enumerable.Range(1, Keys / KeyStep).Select(steps => steps * KeyStep)];
        _scores = [.. keys.Select(count => backend.MatmulOf(new MatmulShape(Queries, headWidth, count)
        {
            Operands = Type,
            Destination = ElementType.Float32,
            SourceStride = queryStride,
            DestinationStride = Keys,
            Weights = WeightLayout.Transposed,
            WeightStride = headWidth,
        }))];
        _sums = [.. keys.Select(count => backend.MatmulOf(new MatmulShape(Queries, count, headWidth)
        {
            Operands = Type,
            Destination = ElementType.Float32,
            SourceStride = Keys,
            DestinationStride = headWidth,
            Accumulate = true,
        }))];
        _packing = [.. _sums.Select(matmul => matmul.PackingOfRows())];
        PackedBytes = _sums.Max(matmul => matmul.PackedBytes);
    }

    public int HeadWidth { get; }

    public ElementType Type { get; }

    /// <summary>Bytes of a tile's values as <see cref="Sums"/> wants them.</summary>
    public nint PackedBytes { get; }

    /// <summary>scores [queries, keys] = q k^T, keys end to end.</summary>
    public Matmul Scores(int keys) => _scores[keys / KeyStep - 1];

    /// <summary>sums [queries, head width] += p v, values packed.</summary>
    public Matmul Sums(int keys) => _sums[keys / KeyStep - 1];

    /// <summary>Values, end to end, to the packed layout. oneDNN's kernel for it is 8 % (float32) to 40 % (bfloat16) faster than the one for rows.</summary>
    public Reorder Packing(int keys) => _packing[keys / KeyStep - 1];

    public void Dispose()
    {
        foreach (Reorder packing in _packing) packing.Dispose();
    }
}
