using WavLM.Cuda.Backends;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>
/// mma.sync: small integers, whose sums are exact in any order, so that each value is proven to come from its place; then random
/// values, infinities and NaN, within what tensor cores may round.
/// </summary>
internal static class PtxProducts
{
    private const int Products = 256, M = 16, N = 8, K = 16;
    private const int LeftValues = 8, RightValues = 4, Sums = 4;   // of a lane

    // 16 products and the sum so far, in at most two steps, each aligned to its largest term and cut off behind 24 bits.
    private const double Rounding = 1.0 / (1 << 18);

    private static readonly Format Half = new(
        "multiply_add_half", static x => BitConverter.HalfToUInt16Bits((Half)x), static bits => (double)BitConverter.UInt16BitsToHalf(bits));

    private static readonly Format BFloat = new(
        "multiply_add_bfloat", static x => (ushort)(BitConverter.SingleToUInt32Bits((float)x) >> 16), static bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));

    public static void Try(PtxBench bench)
    {
        var random = new Random(5);
        foreach (Format format in (ReadOnlySpan<Format>)[Half, BFloat])
        {
            Run(bench, format, new("integers, exactly", Exact: true, Integer, Integer, () => random.Next(-1000, 1001)));
            Run(bench, format, new("random values", Exact: false, Uniform, Uniform, Uniform));
            Run(bench, format, new("values of very different sizes", Exact: false, OfAnySize, OfAnySize, () => 1000 * Uniform()));
            Run(bench, format, new("an infinity or NaN among many", Exact: false, Special, Special, Integer));
        }
        // Multiples of float16's least step: were subnormal operands taken for zeros, no sum would be right.
        Run(bench, Half, new("subnormal values by integers, exactly", Exact: true, () => Math.ScaleB(random.Next(-1000, 1001), -24), Integer, () => 0));

        double Integer() => random.Next(-8, 9);
        double Uniform() => 2 * random.NextDouble() - 1;
        double OfAnySize() => Math.ScaleB(Uniform(), random.Next(-12, 8));
        double Special() => random.Next(100) switch
        {
            0 => double.PositiveInfinity,
            1 => double.NegativeInfinity,
            2 => double.NaN,
            _ => Integer(),
        };
    }

    private static void Run(PtxBench bench, Format format, Trial trial)
    {
        const int Lanes = Products * PtxBench.Lanes;
        ushort[] a = Values(Products * M * K, trial.Left), b = Values(Products * K * N, trial.Right);
        float[] c = [.. Enumerable.Range(0, Products * M * N).Select(_ => (float)trial.Sum())];
        var left = new ushort[Lanes * LeftValues];
        var right = new ushort[Lanes * RightValues];
        var sums = new float[Lanes * Sums];
        for (int lane = 0; lane < Lanes; lane++)
        {
            int product = lane / PtxBench.Lanes;
            for (int i = 0; i < LeftValues; i++) left[lane * LeftValues + i] = a[(product * M + RowOfLeft(lane, i)) * K + InnerOfLeft(lane, i)];
            for (int i = 0; i < RightValues; i++) right[lane * RightValues + i] = b[(product * K + InnerOfRight(lane, i)) * N + Group(lane)];
            for (int i = 0; i < Sums; i++) sums[lane * Sums + i] = c[(product * M + RowOfSum(lane, i)) * N + ColumnOfSum(lane, i)];
        }
        using Tensor leftRegisters = bench.Place(left), rightRegisters = bench.Place(right), sumRegisters = bench.Place(sums);
        bench.Launch("multiply_add", Lanes, leftRegisters, rightRegisters, sumRegisters, format == BFloat ? 1 : 0);
        float[] found = bench.Read<float>(sumRegisters, sums.Length);

        bench.Compare(format.Function, $"sums of {trial.Of}", found.Length, i =>
        {
            int lane = i / Sums, product = lane / PtxBench.Lanes, row = RowOfSum(lane, i % Sums), column = ColumnOfSum(lane, i % Sums);
            double sum = c[(product * M + row) * N + column], magnitude = Math.Abs(sum);
            for (int k = 0; k < K; k++)
            {
                double term = format.Value(a[(product * M + row) * K + k]) * format.Value(b[(product * K + k) * N + column]);
                sum += term;
                magnitude += Math.Abs(term);
            }
            return IsRight(found[i], sum, trial.Exact ? 0 : magnitude * Rounding) ? null : FormattableString.Invariant($"row {row}, column {column} is {found[i]:R}, expected {sum:R}");
        });

        ushort[] Values(int count, Func<double> next) => [.. Enumerable.Range(0, count).Select(_ => format.Bits(next()))];
    }

    private static bool IsRight(float found, double expected, double bound)
        => double.IsNaN(expected) ? float.IsNaN(found) : double.IsInfinity(expected) ? found == expected : Math.Abs(found - expected) <= bound;

    // PTX manual, "Matrix fragments for mma.m16n8k16 with floating point type". i counts a lane's values, two a register.
    private static int Group(int lane) => lane % PtxBench.Lanes / 4;

    private static int RowOfLeft(int lane, int i) => Group(lane) + (i is 2 or 3 or 6 or 7 ? 8 : 0);

    private static int InnerOfLeft(int lane, int i) => lane % 4 * 2 + (i & 1) + (i >= 4 ? 8 : 0);

    private static int InnerOfRight(int lane, int i) => lane % 4 * 2 + (i & 1) + (i >= 2 ? 8 : 0);

    private static int RowOfSum(int lane, int i) => Group(lane) + (i >= 2 ? 8 : 0);

    private static int ColumnOfSum(int lane, int i) => lane % 4 * 2 + (i & 1);

    /// <param name="Function">Of ptx.cuh.</param>
    /// <param name="Bits">A value's, rounded somehow.</param>
    /// <param name="Value">The bits' value.</param>
    private sealed record Format(string Function, Func<double, ushort> Bits, Func<ushort, double> Value);

    /// <param name="Of">What a, b and c are made of.</param>
    /// <param name="Exact">Whether the sums are, in any order.</param>
    /// <param name="Left">The next value of a.</param>
    /// <param name="Right">The next value of b.</param>
    /// <param name="Sum">The next value of c.</param>
    private sealed record Trial(string Of, bool Exact, Func<double> Left, Func<double> Right, Func<double> Sum);
}
