using System.Text.RegularExpressions;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>
/// Every function of kernels/common/ptx.cuh: an instruction on a GPU, plain C++ on the emulated device. Both are held to results that
/// were worked out on the host.
/// </summary>
internal static partial class PtxStage
{
    // What is tried, and by whom.
    private static readonly (string[] Functions, Action<PtxBench> Try)[] Trials =
    [
        (["copy_async_16", "copy_async_16_or_zeros", "copy_async_4", "copy_async_commit", "copy_async_wait", "store_16"], PtxCopies.Try),
        (["load_matrix_x4", "load_matrix_x4_transposed"], PtxMatrices.Try),
        (["multiply_add_half", "multiply_add_bfloat"], PtxProducts.Try),
        (["half_bits", "half_value", "bfloat_bits", "half_pair", "bfloat_pair", "exp2_approximate"], PtxConversions.Try),
    ];

    public static int Run(Options options)
    {
        string[] declared = [.. Declaration().Matches(PtxBench.Read("common/ptx.cuh")!).Select(match => match.Groups[1].Value)];
        string[] untried = [.. declared.Except(Trials.SelectMany(trial => trial.Functions))];
        if (declared.Length == 0 || untried.Length > 0)
        {
            Console.WriteLine($"ptx.cuh has functions that nothing tries: {string.Join(", ", untried)}");
            return StageExit.Failed;
        }
        using PtxBench bench = new();
        foreach ((_, Action<PtxBench> tryThem) in Trials) tryThem(bench);
        return bench.Sound ? StageExit.Passed : StageExit.Failed;
    }

    [GeneratedRegex(@"__device__ __forceinline__ [\w ]+?\b(\w+)\(")]
    private static partial Regex Declaration();
}
