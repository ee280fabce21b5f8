using System.Globalization;
using System.Text;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>The time below which no kernel can be, by its bytes and operations alone.</summary>
internal static class LeastTimeTable
{
    private const double BytesOfSecond = 3.35e12, Float32 = 67e12, Float64 = 34e12, Half = 989e12;   // H100 SXM, NVIDIA's data sheet; dense
    private const int Seconds = 60, SampleRate = 16_000;

    private static readonly (PublishedModel Model, ElementType Operands)[] Passes =
        [.. PublishedModel.WavLM.SelectMany(static model => new[] { ElementType.Float32, ElementType.Float16 }, static (model, operands) => (model, operands))];

    /// <summary>Seconds that all launches of a kernel take at least.</summary>
    internal static double SecondsOf(IEnumerable<KernelWork> work)
        => work.Sum(static kernel => kernel.Launches * Math.Max(kernel.Bytes / BytesOfSecond, kernel.Operations / RateOf(kernel.Rate)));

    public static string Text
    {
        get
        {
            ILookup<string, KernelWork>[] passes = [.. Passes.Select(static pass => KernelWork.Of(pass.Model.Config, pass.Operands, Seconds * SampleRate).ToLookup(static work => work.Kernel))];
            StringBuilder text = new();
            text.Append(CultureInfo.InvariantCulture, $"""

                ## The least time

                Arithmetic, not a measurement: of bytes / bandwidth and FLOPs / rate the larger, in µs, for all launches of one pass over {Seconds} s of
                speech ({Passes[0].Model.Config.Frames(Seconds * SampleRate):N0} frames), on an H100 SXM: {BytesOfSecond / 1e12} TB/s; {Half / 1e12} TFLOP/s in half precision on tensor cores, {Float32 / 1e12} in float32, {Float64 / 1e12} in
                float64. Exponentials, the second cache and the launches themselves are left out. The last three kernels run when asked for: all
                layers' weighted sum, mean and deviation, 500 centroids. Measured: not yet.

                | kernel |
                """);
            foreach ((PublishedModel model, ElementType operands) in Passes)
                text.Append(CultureInfo.InvariantCulture, $" {model.Name}, {(operands == ElementType.Float32 ? "float32" : "half")} |");
            text.Append("\n|---|").Append(string.Concat(Passes.Select(static _ => "---|"))).Append('\n');
            foreach (string kernel in passes.SelectMany(static pass => pass.Select(static works => works.Key)).Distinct())
                text.Append(CultureInfo.InvariantCulture, $"| `{kernel}` | {string.Join(" | ", passes.Select(pass => Cell(pass[kernel])))} |\n");
            return text.ToString();
        }
    }

    private static string Cell(IEnumerable<KernelWork> work)
    {
        if (!work.Any()) return "";
        double microseconds = SecondsOf(work) * 1e6;
        int launches = work.Sum(static kernel => kernel.Launches);
        string time = microseconds < 0.1 ? "under 0.1" : microseconds.ToString(microseconds < 100 ? "F1" : "N0", CultureInfo.InvariantCulture);
        return launches == 1 ? time : $"{time} ({launches})";
    }

    private static double RateOf(OperationRate rate) => rate switch
    {
        OperationRate.Float32 => Float32,
        OperationRate.Float64 => Float64,
        OperationRate.Half => Half,
        _ => throw new ArgumentOutOfRangeException(nameof(rate), rate, "no such rate"),
    };
}
