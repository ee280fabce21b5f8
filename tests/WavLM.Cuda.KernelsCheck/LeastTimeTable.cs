using System.Globalization;
using System.Text;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>The time below which no kernel can be, by its bytes and operations alone, and the time that it should take.</summary>
internal static class LeastTimeTable
{
    private const double BytesOfSecond = 3.35e12, Float32 = 67e12, Float64 = 34e12, Half = 989e12;   // H100 SXM, NVIDIA's data sheet; dense

    // What well-made kernels are known to reach: a copy 90 % of the data sheet's bandwidth, and others 90 % of a copy; mma.sync
    // 60 % of Hopper's tensor cores, which wgmma alone can fill; FMA three quarters of its rate.
    private const double OfBandwidth = 0.81, OfTensorCores = 0.6, OfFma = 0.75, SecondsOfLaunch = 1e-6;

    // A multiprocessor has 128 lanes of FMA and 16 for exponentials. A score takes some six instructions beside: its
    // maximum, sum, conversion.
    private const double Exponentials = Float32 / 2 / 128 * 16, InstructionsOfScore = 6, Instructions = Float32 / 2;
    private const int Seconds = 60, SampleRate = 16_000;

    private static readonly (PublishedModel Model, ElementType Operands)[] Passes =
        [.. PublishedModel.WavLM.SelectMany(static model => new[] { ElementType.Float32, ElementType.Float16 }, static (model, operands) => (model, operands))];

    /// <summary>Seconds that all launches of a kernel take at least.</summary>
    internal static double SecondsOf(IEnumerable<KernelWork> work)
        => work.Sum(static kernel => kernel.Launches * Math.Max(kernel.Bytes / BytesOfSecond, kernel.Operations / RateOf(kernel.Rate)));

    /// <summary>What all launches of a kernel should take, nothing overlapping but memory and arithmetic.</summary>
    internal static double PredictedSecondsOf(IEnumerable<KernelWork> work) => work.Sum(static kernel =>
    {
        double reached = kernel.Rate == OperationRate.Half ? OfTensorCores : OfFma;
        double arithmetic = kernel.Operations / (RateOf(kernel.Rate) * reached) + kernel.Exponentials * (1 / Exponentials + InstructionsOfScore / Instructions);
        return kernel.Launches * (SecondsOfLaunch + Math.Max(kernel.Bytes / (BytesOfSecond * OfBandwidth), arithmetic));
    });

    public static string Text
    {
        get
        {
            ILookup<string, KernelWork>[] passes = [.. Passes.Select(static pass => KernelWork.Of(pass.Model.Config, pass.Operands, Seconds * SampleRate).ToLookup(static work => work.Kernel))];
            StringBuilder text = new();
            text.Append(CultureInfo.InvariantCulture, $"""

                ## Times

                Arithmetic, not measurements, in µs, for all launches of one pass over {Seconds} s of speech ({Passes[0].Model.Config.Frames(Seconds * SampleRate):N0} frames) on an H100 SXM. The
                least time is of bytes / bandwidth and FLOPs / rate the larger: {BytesOfSecond / 1e12} TB/s; {Half / 1e12} TFLOP/s in half precision on tensor
                cores, {Float32 / 1e12} in float32, {Float64 / 1e12} in float64. Behind the arrow what is predicted: {OfBandwidth:P0} of that bandwidth; {OfTensorCores:P0} of the tensor cores,
                which is what mma.sync reaches there; {OfFma:P0} of the other rates; exponentials at 16 a cycle and {InstructionsOfScore} instructions a score beside the
                products; {SecondsOfLaunch * 1e6} µs a launch. In brackets the launches. The last three kernels run when asked for: all layers' weighted sum,
                mean and deviation, 500 centroids. `wavlm bench kernels` measures.

                | kernel |
                """);
            foreach ((PublishedModel model, ElementType operands) in Passes)
                text.Append(CultureInfo.InvariantCulture, $" {model.Name}, {(operands == ElementType.Float32 ? "float32" : "half")} |");
            text.Append(" measured |\n|---|---|").Append(string.Concat(Passes.Select(static _ => "---|"))).Append('\n');
            foreach (string kernel in passes.SelectMany(static pass => pass.Select(static works => works.Key)).Distinct())
                text.Append(CultureInfo.InvariantCulture, $"| `{kernel}` | {string.Join(" | ", passes.Select(pass => Cell(pass[kernel])))} | not measured yet |\n");
            return text.ToString();
        }
    }

    private static string Cell(IEnumerable<KernelWork> work)
    {
        if (!work.Any()) return "";
        int launches = work.Sum(static kernel => kernel.Launches);
        string times = $"{Microseconds(SecondsOf(work))} → {Microseconds(PredictedSecondsOf(work))}";
        return launches == 1 ? times : $"{times} ({launches})";
    }

    private static string Microseconds(double seconds) => seconds switch
    {
        < 0.1e-6 => "under 0.1",
        < 100e-6 => (seconds * 1e6).ToString("F1", CultureInfo.InvariantCulture),
        _ => (seconds * 1e6).ToString("N0", CultureInfo.InvariantCulture),
    };

    private static double RateOf(OperationRate rate) => rate switch
    {
        OperationRate.Float32 => Float32,
        OperationRate.Float64 => Float64,
        OperationRate.Half => Half,
        _ => throw new ArgumentOutOfRangeException(nameof(rate), rate, "no such rate"),
    };
}
