using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>
/// What the design assumes of cuBLASLt, asked of the library itself. It fails where bits depend on the number of rows or the strided batch
/// is wrong, because results do then; the rest are answers.
/// </summary>
internal static class CublasLtStage
{
    private static readonly ModelProduct[] Products =
    [
        new("QKV Large", 3072, 1024, ToStream: false, Bias: true), new("out Large", 1024, 1024, ToStream: true, Bias: true),
        new("FFN up Large", 4096, 1024, ToStream: false, Bias: true), new("FFN down Large", 1024, 4096, ToStream: true, Bias: true),
        new("QKV Base", 2304, 768, ToStream: false, Bias: true), new("FFN down Base", 768, 3072, ToStream: true, Bias: true),
        new("conv of 3 taps", 512, 1536, ToStream: false, Bias: false), new("conv of 2 taps", 512, 1024, ToStream: false, Bias: false),
    ];

    private static readonly int[] RowCounts = [1, 2, 7, 8, 16, 31, 64, 100, 127, 128, 129, 200, 256, 384, 499, 512, 749, 1000, 1024, 1500, 1920, 2048, 3000, 3968, 4096];

    // The engine's calls have rows in multiples of this (GemmShape): others may differ.
    private const int RowsOfCall = 128;

    public static int Run(Options options)
    {
        using CublasLtBench bench = new();
        Console.WriteLine(bench.Device);
        // On the emulated device, whose products are plain loops: two shapes, an eighth as wide, and few rows.
        ModelProduct[] products = options.Quick ? [.. Products.Take(2).Select(static product => product with { Outputs = product.Outputs / 8, Inner = product.Inner / 8 })] : Products;
        int reference = options.Quick ? 512 : Gemm.ReferenceRows;
        int[] counts = [.. RowCounts.Where(rows => rows <= reference)];

        bool sound = true;
        foreach (Precision precision in Precisions.OfCuda)
        {
            foreach (ModelProduct product in products) sound &= EqualBits(bench, precision, product, reference, counts);
            sound &= StridedBatch(bench, ProductTypes.Of(precision), options.Quick);
            if (precision == Precision.Float32) LeadingDimensionBelowRows(bench);
            else
                foreach (ModelProduct product in products.Where(static product => product.ToStream)) ResidualStream(bench, precision, product, options.Quick);
            if (options.Quick) continue;
            foreach (ModelProduct product in products) CostOfPinning(bench, precision, product);
        }
        return sound ? StageExit.Passed : StageExit.Failed;
    }

    /// <summary>One algorithm for every number of rows: are a row's bits the same? And what would the heuristic take for few?</summary>
    private static bool EqualBits(CublasLtBench bench, Precision precision, ModelProduct product, int reference, int[] counts)
    {
        (string name, int outputs, int inner, bool toStream, bool biased) = product;
        ProductTypes types = ProductTypes.Of(precision, toStream);
        using Tensor x = bench.Values((long)reference * inner, types.Operands, 1), w = bench.Values((long)outputs * inner, types.Operands, 2);
        using Tensor? bias = biased ? bench.Values(outputs, types.Result, 3) : null;
        using Tensor y = bench.Rent((long)reference * outputs * types.ResultBytes);
        using Product whole = bench.Describe(types, new(reference, outputs, inner), bias);
        cublasLtMatmulHeuristicResult_t[] offers = bench.Offered(whole, 2, out CublasStatus status);
        if (offers.Length == 0)
        {
            Console.WriteLine($"equal bits, {types}, {name}: the heuristic offers nothing ({status}) FAILED");
            return false;
        }
        bool pinnedKeepsBits = true;
        for (int offer = 0; offer < offers.Length; offer++)
        {
            cublasLtMatmulAlgo_t algorithm = offers[offer].algo;
            CublasLt.ThrowIfFailed(bench.Run(whole, x, w, y, algorithm));
            byte[] expected = bench.Read(y, (long)reference * outputs * types.ResultBytes);
            List<int> differ = [], refused = [];
            foreach (int rows in counts)
            {
                using Product part = bench.Describe(types, new(rows, outputs, inner), bias);
                if (!part.Accepts(algorithm) || bench.Run(part, x, w, y, algorithm) != CublasStatus.CUBLAS_STATUS_SUCCESS) refused.Add(rows);
                else if (!bench.Read(y, (long)rows * outputs * types.ResultBytes).AsSpan().SequenceEqual(expected.AsSpan(0, rows * outputs * types.ResultBytes))) differ.Add(rows);
            }
            bool kept = !differ.Concat(refused).Any(rows => rows % RowsOfCall == 0);
            if (offer == 0) pinnedKeepsBits = kept;
            Console.WriteLine($"equal bits, {types}, {name}, offer {offer + 1}, algorithm {GemmAlgorithm.Of(algorithm)}: {counts.Length - differ.Count - refused.Count} of {counts.Length} row counts equal{Listed("differ", differ)}{Listed("refused", refused)}{(kept ? "" : " FAILED")}");
        }
        using Product few = bench.Describe(types, new(100, outputs, inner), bias);
        if (bench.Offered(few, 1, out _) is [var other, ..])
            Console.WriteLine($"  for 100 rows the heuristic offers algorithm {GemmAlgorithm.Of(other.algo)}{(GemmAlgorithm.Of(other.algo) == GemmAlgorithm.Of(offers[0].algo) ? ", the same" : "")}");
        return pinnedKeepsBits;
    }

    private static string Listed(string what, List<int> rows) => rows.Count == 0 ? "" : $", {what} at {string.Join(' ', rows)}";

    /// <summary>A convolution of 3 taps and stride 2 as two products that write interleaved rows, against one product on gathered rows.</summary>
    private static bool StridedBatch(CublasLtBench bench, ProductTypes types, bool quick)
    {
        int channels = quick ? 32 : 512, rows = quick ? 512 : 65536;
        long rowBytes = (long)channels * types.OperandBytes, resultBytes = (long)rows * channels * types.ResultBytes;
        using Tensor x = bench.Values((2L * rows + 4) * channels, types.Operands, 5), w = bench.Values(3L * channels * channels, types.Operands, 6);
        using Tensor gathered = bench.Rent(rows * 3 * rowBytes), y = bench.Rent(resultBytes), plain = bench.Rent(resultBytes);
        for (int row = 0; row < rows; row++)
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoDAsync_v2((nuint)(gathered.Address + (nint)(row * 3 * rowBytes)), (nuint)(x.Address + (nint)(row * 2 * rowBytes)), (nuint)(3 * rowBytes), bench.Stream.Handle));
        using Product two = bench.Describe(types, new(rows / 2, channels, 3 * channels)
        {
            SourceStride = 4 * channels, ResultStride = 2 * channels, Batches = 2, SourceBatchStride = 2 * channels, ResultBatchStride = channels,
        });
        using Product one = bench.Describe(types, new(rows, channels, 3 * channels));
        cublasLtMatmulHeuristicResult_t[] forTwo = bench.Offered(two, 1, out CublasStatus status), forOne = bench.Offered(one, 1, out _);
        if (forTwo.Length == 0 || forOne.Length == 0)
        {
            Console.WriteLine($"strided batch of two, {types}: the heuristic offers nothing ({status})");
            return false;
        }
        CublasLt.ThrowIfFailed(bench.Run(two, x, w, y, forTwo[0].algo));
        CublasLt.ThrowIfFailed(bench.Run(one, gathered, w, plain, forOne[0].algo));
        double difference = LargestDifference(bench.Read(y, resultBytes), bench.Read(plain, resultBytes), types);
        double bound = types.Result == CudaDataType.CUDA_R_32F ? 1e-5 : 1e-2;
        bool right = difference <= bound;
        double flops = 2.0 * rows * channels * 3 * channels;
        double interleaved = bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(two, x, w, y, forTwo[0].algo)));
        double onGathered = bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(one, gathered, w, plain, forOne[0].algo)));
        Console.WriteLine(FormattableString.Invariant(
            $"strided batch of two, {types}: largest difference {difference:0.0e+0}{(right ? "" : " FAILED")}; {Rate(flops, interleaved)}, the plain product of gathered rows {Rate(flops, onGathered)}"));
        return right;
    }

    private static double LargestDifference(byte[] a, byte[] b, ProductTypes types)
    {
        double largest = 0;
        int count = a.Length / types.ResultBytes;
        for (int i = 0; i < count; i++)
        {
            double difference = Math.Abs(Value(a, i) - Value(b, i));
            if (double.IsNaN(difference)) return double.NaN;
            largest = Math.Max(largest, difference);
        }
        return largest;

        double Value(byte[] bytes, int i) => types.Result switch
        {
            CudaDataType.CUDA_R_32F => MemoryMarshal.Cast<byte, float>(bytes)[i],
            CudaDataType.CUDA_R_16F => (double)MemoryMarshal.Cast<byte, Half>(bytes)[i],
            _ => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(bytes)[i] << 16),
        };
    }

    /// <summary>Overlapping rows, which a matrix may not have: who says so, and how?</summary>
    private static void LeadingDimensionBelowRows(CublasLtBench bench)
    {
        const int Channels = 32, Rows = 256;
        using Tensor x = bench.Values((2L * Rows + 4) * Channels, CudaDataType.CUDA_R_32F, 7), w = bench.Values(3L * Channels * Channels, CudaDataType.CUDA_R_32F, 8), y = bench.Rent((long)Rows * Channels * 4);
        using Product overlapping = bench.Describe(ProductTypes.Of(Precision.Float32), new(Rows, Channels, 3 * Channels) { SourceStride = 2 * Channels });
        cublasLtMatmulHeuristicResult_t[] offers = bench.Offered(overlapping, 1, out CublasStatus status);
        string then = offers.Length == 0 ? "" : $"; the call: {bench.Run(overlapping, x, w, y, offers[0].algo)}";
        Console.WriteLine($"leading dimension below the rows: the heuristic: {status}, {offers.Length} offered{then}");
    }

    /// <summary>Half operands, float32 C and D, beta 1 and a bias: the residual stream of the half precisions, against a half D.</summary>
    private static void ResidualStream(CublasLtBench bench, Precision precision, ModelProduct product, bool quick)
    {
        (string name, int outputs, int inner, _, _) = product;
        ProductTypes toStream = ProductTypes.Of(precision, toStream: true), toHalf = ProductTypes.Of(precision);
        int rows = quick ? 256 : 8192;
        using Tensor x = bench.Values((long)rows * inner, toStream.Operands, 9), w = bench.Values((long)outputs * inner, toStream.Operands, 10);
        using Tensor bias = bench.Values(outputs, CudaDataType.CUDA_R_32F, 11), y = bench.Values((long)rows * outputs, CudaDataType.CUDA_R_32F, 12);
        using Product half = bench.Describe(toHalf, new(rows, outputs, inner)), residual = bench.Describe(toStream, new(rows, outputs, inner), bias);
        cublasLtMatmulHeuristicResult_t[] forResidual = bench.Offered(residual, 1, out CublasStatus status), forHalf = bench.Offered(half, 1, out _);
        if (forResidual.Length == 0)
        {
            Console.WriteLine($"residual stream, {toStream}, {name}: the heuristic offers nothing ({status})");
            return;
        }
        double flops = 2.0 * rows * outputs * inner;
        double accumulated = bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(residual, x, w, y, forResidual[0].algo, accumulate: true)));
        string against = forHalf.Length == 0 ? "" : $", with a D of {toHalf} {Rate(flops, bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(half, x, w, y, forHalf[0].algo))))}";
        Console.WriteLine($"residual stream, {toStream}, {name}, {rows} rows: {Rate(flops, accumulated)}{against}");
    }

    /// <summary>What one heuristic call at the reference rows costs against the best of eight algorithms for the rows at hand.</summary>
    private static void CostOfPinning(CublasLtBench bench, Precision precision, ModelProduct product)
    {
        const int Rows = 48_000, Most = 8;
        (string name, int outputs, int inner, bool toStream, bool biased) = product;
        ProductTypes types = ProductTypes.Of(precision, toStream);
        using Tensor x = bench.Values((long)Rows * inner, types.Operands, 13), w = bench.Values((long)outputs * inner, types.Operands, 14), y = bench.Rent((long)Rows * outputs * types.ResultBytes);
        using Tensor? bias = biased ? bench.Values(outputs, types.Result, 15) : null;
        using Product all = bench.Describe(types, new(Rows, outputs, inner), bias), reference = bench.Describe(types, new(Gemm.ReferenceRows, outputs, inner), bias);
        cublasLtMatmulHeuristicResult_t[] offers = bench.Offered(all, Most, out _), pinned = bench.Offered(reference, 1, out _);
        if (offers.Length == 0 || pinned.Length == 0) return;
        double flops = 2.0 * Rows * outputs * inner;
        double best = offers.Min(offer => bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(all, x, w, y, offer.algo)), runs: 5));
        string ours = all.Accepts(pinned[0].algo) ? Rate(flops, bench.Milliseconds(() => CublasLt.ThrowIfFailed(bench.Run(all, x, w, y, pinned[0].algo)), runs: 5)) : "refused";
        Console.WriteLine($"pinning, {types}, {name}, {Rows} rows: best of {offers.Length} {Rate(flops, best)}, pinned at {Gemm.ReferenceRows} rows {ours}");
    }

    private static string Rate(double flops, double milliseconds)
        => Ladder.IsEmulated ? "(emulated: no rate)" : FormattableString.Invariant($"{flops / milliseconds / 1e9:0.0} TFLOP/s");

    /// <param name="Name">Which product of which model.</param>
    /// <param name="Outputs">Columns of its result.</param>
    /// <param name="Inner">Terms of a sum.</param>
    /// <param name="ToStream">Whether it is added to the residual stream, which is float32 in every precision.</param>
    /// <param name="Bias">Whether a bias is added, of the result's type.</param>
    private sealed record ModelProduct(string Name, int Outputs, int Inner, bool ToStream, bool Bias);
}
