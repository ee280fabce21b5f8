namespace WavLM.Cuda.Backends.Cpu;

/// <summary>A worker's memory for one block of attention.</summary>
internal readonly unsafe ref struct AttentionScratch
{
    /// <summary>[queries of a tile, keys].</summary>
    public float* Scores { get; private init; }

    /// <summary>[queries of a tile, keys] as matmul operands; in float32 in the place of the scores.</summary>
    public byte* Probabilities { get; private init; }

    /// <summary>[queries of the block, head width]: the running sum of p v.</summary>
    public float* Sums { get; private init; }

    /// <summary>[queries of the block]: the running maximum.</summary>
    public float* Maxima { get; private init; }

    /// <summary>[queries of the block]: the running sum of p.</summary>
    public float* Totals { get; private init; }

    /// <summary>The table's slice for a tile: keys and queries together.</summary>
    public float* Bias { get; private init; }

    /// <summary>[keys, head width], end to end: values on their way to be packed, then keys.</summary>
    public byte* Rows { get; private init; }

    /// <summary>Values, packed.</summary>
    public byte* Values { get; private init; }

    public static AttentionScratch Of(Worker worker, AttentionMatmuls matmuls)
    {
        nint scores = (nint)AttentionMatmuls.Queries * AttentionMatmuls.Keys * sizeof(float);
        nint sums = (nint)AttentionBlocks.Queries * matmuls.HeadWidth * sizeof(float), perQuery = AttentionBlocks.Queries * sizeof(float);
        nint bias = (AttentionMatmuls.Keys + AttentionMatmuls.Queries) * sizeof(float);
        nint rows = (nint)AttentionMatmuls.Keys * matmuls.HeadWidth * matmuls.Type.Bytes();
        nint probabilities = matmuls.Type == ElementType.Float32 ? 0 : scores / 2;
        byte* memory = worker.Scratch(scores + probabilities + sums + 2 * perQuery + bias + rows + matmuls.PackedBytes + 8 * Alignment);
        byte* Next(nint bytes)
        {
            byte* part = memory;
            memory += (bytes + Alignment - 1) / Alignment * Alignment;
            return part;
        }
        byte* scoresAt = Next(scores), probabilitiesAt = Next(probabilities);
        return new AttentionScratch
        {
            Scores = (float*)scoresAt,
            Probabilities = probabilities == 0 ? scoresAt : probabilitiesAt,
            Sums = (float*)Next(sums),
            Maxima = (float*)Next(perQuery),
            Totals = (float*)Next(perQuery),
            Bias = (float*)Next(bias),
            Rows = Next(rows),
            Values = Next(matmuls.PackedBytes),
        };
    }

    private const int Alignment = 64;
}
