using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// A weight matrix [outputs, inner] of 8-bit integers, w = t w_q with one scale t an output, and rows x = m + s x_q of unsigned ones,
/// with m the row's least value and s a 255th of its range:
/// <code>
/// y = x W^T + b = t (s sum x_q w_q + m sum w_q) + b
/// </code>
/// The range of a row is its own, not one around zero: behind a GELU hardly anything is negative. Sums of integers are exact, so
/// bits depend on a row and the matrix alone. Outputs are computed in blocks, so that a tile's sums stay in a core's second cache.
/// </summary>
internal sealed unsafe class IntegerMatrix(int outputs, int inner, IReadOnlyList<IntegerMatrix.Block> blocks, Tensor scales, Tensor sums, Tensor bias) : IDisposable
{
    /// <summary>More terms could overflow a sum of 32 bits.</summary>
    public const int MostInner = int.MaxValue / (UnsignedRange * SignedRange);

    /// <summary>Outputs of a block at most.</summary>
    public const int MostColumnsOfBlock = 1024;

    private const int UnsignedRange = 255, SignedRange = 127;

    // Of a row whose values are equal, or nearly: its quotient by 255 would be subnormal.
    private const float LeastRange = 1e-30f;

    public int Outputs { get; } = outputs;

    public int Inner { get; } = inner;

    public IReadOnlyList<Block> Blocks { get; } = blocks;

    /// <summary>A product of unsigned rows, end to end, by signed columns.</summary>
    public static MatmulShape ShapeOf(int inner, int columns) => new(CpuBackend.MatmulRows, inner, columns)
    {
        Operands = ElementType.Int8,
        Destination = ElementType.Int32,
        SourceStride = inner,
        DestinationStride = columns,
    };

    /// <summary>Rows of w in integers of at most 127: to nearest, ties to even.</summary>
    /// <param name="weight">[outputs, inner].</param>
    /// <param name="integers">As many.</param>
    /// <param name="scales">t of each output; 0 where all its weights are.</param>
    /// <param name="sums">Of an output's integers: whole numbers below 2^24, so exact.</param>
    public static void Quantize(ReadOnlySpan<float> weight, Span<sbyte> integers, Span<float> scales, Span<float> sums)
    {
        int inner = weight.Length / scales.Length;
        for (int output = 0; output < scales.Length; output++)
        {
            ReadOnlySpan<float> row = weight.Slice(output * inner, inner);
            float largest = 0;
            foreach (float value in row) largest = MathF.Max(largest, MathF.Abs(value));
            scales[output] = largest / SignedRange;
            float inverse = largest > LeastRange ? SignedRange / largest : 0;
            int sum = 0;
            for (int i = 0; i < inner; i++)
            {
                sbyte integer = (sbyte)MathF.Round(row[i] * inverse);
                integers[output * inner + i] = integer;
                sum += integer;
            }
            sums[output] = sum;
        }
    }

    /// <summary>A tile's rows in integers, in the worker's scratch, where its sums have room, too.</summary>
    /// <param name="worker">Whose scratch is used until the tile is done.</param>
    /// <param name="rows">The first row of bfloat16 values.</param>
    /// <param name="stride">Elements from one row to the next: less than a row where windows overlap.</param>
    /// <param name="count">At most a tile.</param>
    public Tile Quantize(Worker worker, ushort* rows, long stride, int count)
    {
        const int Aligned = 64;
        nint integers = VectorMath.RoundUp(CpuBackend.MatmulRows * Inner, Aligned), sumBytes = (nint)CpuBackend.MatmulRows * Blocks[0].Columns * sizeof(int);
        nint scales = CpuBackend.MatmulRows * sizeof(float);
        byte* scratch = worker.Scratch(integers + sumBytes + 2 * scales);
        Tile tile = new(this, worker, scratch, (int*)(scratch + integers), (float*)(scratch + integers + sumBytes), count);
        for (int row = 0; row < count; row++)
            (tile.Scales[row], tile.Least[row]) = Quantize(rows + row * stride, scratch + (nint)row * Inner, Inner);
        return tile;
    }

    public void Dispose()
    {
        foreach (Block block in Blocks) block.Values.Dispose();
        scales.Dispose();
        sums.Dispose();
        bias.Dispose();
    }

    /// <summary>x = least + scale q. What is not finite makes the scale or the least value so, and reaches every output.</summary>
    internal static (float Scale, float Least) Quantize(ushort* x, byte* q, int count)
    {
        (float least, float greatest) = Range(x, count);
        float range = greatest - least;
        bool constant = range < LeastRange;   // NaN is not
        float inverse = constant ? 0 : UnsignedRange / range;
        Vector512<float> leasts = Vector512.Create(least), inverses = Vector512.Create(inverse), half = Vector512.Create(0.5f);
        int i = 0;
        for (; i <= count - VectorMath.Lanes; i += VectorMath.Lanes)
        {
            Vector512<float> scaled = Vector512.FusedMultiplyAdd(VectorMath.FromBFloat16(Vector256.Load(x + i)) - leasts, inverses, half);
            Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32WithTruncation(scaled)).Store(q + i);
        }
        for (; i < count; i++) q[i] = (byte)MathF.FusedMultiplyAdd(VectorMath.FromBFloat16(x[i]) - least, inverse, 0.5f);
        return (constant ? 0 : range / UnsignedRange, least);
    }

    // Bits of a bfloat16 with those of a negative one's magnitude turned around are in the order of the values, NaN beyond infinity:
    // so NaN comes out as an end of the range.
    private static (float Least, float Greatest) Range(ushort* x, int count)
    {
        short least = short.MaxValue, greatest = short.MinValue;
        int i = 0, lanes = Vector512<short>.Count;
        if (count >= lanes)
        {
            Vector512<short> low = Vector512.Create(least), high = Vector512.Create(greatest), magnitude = Vector512.Create(short.MaxValue);
            for (; i <= count - lanes; i += lanes)
            {
                Vector512<short> bits = Vector512.Load((short*)x + i), ordered = bits ^ ((bits >> 15) & magnitude);
                low = Vector512.Min(low, ordered);
                high = Vector512.Max(high, ordered);
            }
            Vector256<short> lowHalf = Vector256.Min(low.GetLower(), low.GetUpper()), highHalf = Vector256.Max(high.GetLower(), high.GetUpper());
            Vector128<short> lowest = Vector128.Min(lowHalf.GetLower(), lowHalf.GetUpper()), highest = Vector128.Max(highHalf.GetLower(), highHalf.GetUpper());
            for (int lane = 0; lane < Vector128<short>.Count; lane++) (least, greatest) = (Math.Min(least, lowest[lane]), Math.Max(greatest, highest[lane]));
        }
        for (; i < count; i++)
        {
            short ordered = Ordered((short)x[i]);
            (least, greatest) = (Math.Min(least, ordered), Math.Max(greatest, ordered));
        }
        return (VectorMath.FromBFloat16((ushort)Ordered(least)), VectorMath.FromBFloat16((ushort)Ordered(greatest)));

        // Its own inverse.
        static short Ordered(short bits) => (short)(bits ^ ((bits >> 15) & short.MaxValue));
    }

    /// <summary>Some neighbouring outputs, in the layout of the primitive that packed them.</summary>
    public sealed record Block(Matmul Layout, Tensor Values, int First)
    {
        public int Columns => Layout.Shape.Columns;
    }

    /// <summary>Rows as integers, and what one block of outputs sums up to.</summary>
    public readonly ref struct Tile(IntegerMatrix matrix, Worker worker, byte* integers, int* products, float* scales, int rows)
    {
        public int Rows { get; } = rows;

        public float* Scales { get; } = scales;

        public float* Least { get; } = scales + CpuBackend.MatmulRows;

        /// <summary>The whole tile by one block; the block before is overwritten.</summary>
        public void Multiply(Block block) => block.Layout.Run(worker, (nint)integers, block.Values.Address, 0, (nint)products);

        /// <summary>A row of y, in the place of its sums.</summary>
        public float* Row(Block block, int row)
        {
            int* sums = products + (nint)row * block.Columns;
            matrix.Finish(sums, Scales[row], Least[row], block);
            return (float*)sums;
        }
    }

    /// <summary>t (s sum + m total) + b, in place.</summary>
    private void Finish(int* row, float scale, float least, Block block)
    {
        float* t = (float*)scales.Address + block.First, totals = (float*)sums.Address + block.First, biases = (float*)bias.Address + block.First, y = (float*)row;
        Vector512<float> s = Vector512.Create(scale), m = Vector512.Create(least);
        int j = 0;
        for (; j <= block.Columns - VectorMath.Lanes; j += VectorMath.Lanes)
        {
            Vector512<float> sum = Vector512.FusedMultiplyAdd(s, Vector512.ConvertToSingle(Vector512.Load(row + j)), m * Vector512.Load(totals + j));
            Vector512.FusedMultiplyAdd(Vector512.Load(t + j), sum, Vector512.Load(biases + j)).Store(y + j);
        }
        for (; j < block.Columns; j++) y[j] = MathF.FusedMultiplyAdd(t[j], MathF.FusedMultiplyAdd(scale, row[j], least * totals[j]), biases[j]);
    }
}
