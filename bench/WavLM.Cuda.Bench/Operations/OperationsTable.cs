using System.Globalization;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>Measurements of operations as people read them: a line each, aligned.</summary>
internal static class OperationsTable
{
    private const string Meaningless = "These times are an emulated device's: they mean nothing.";

    public static void Write(BenchResults results, TextWriter output)
    {
        output.WriteLine($"{results.Machine.Device}; {results.Machine.DeviceSet}");
        if (results.Machine.Emulated) output.WriteLine(Meaningless);
        foreach (Ceiling ceiling in results.Ceilings)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"ceiling {ceiling.Name,-10} {(ceiling.Unit == "byte" ? $"{ceiling.PerSecond / 1e9:N1} GB/s, read and written" : $"{ceiling.PerSecond / 1e12:N3} TFLOP/s")}, spread {Statistics.Spread(ceiling.Seconds):P1}"));
        }
        output.WriteLine();
        List<string[]> lines = [["name", "case", "in", "shape", "median us", "spread", "GB/s", "TFLOP/s", "of roofline"], .. results.Measurements.Select(measurement => Cells(measurement, results.Ceilings))];
        int[] widths = [.. Enumerable.Range(0, lines[0].Length).Select(column => lines.Max(line => column < line.Length ? line[column].Length : 0))];
        foreach (string[] line in lines) output.WriteLine(string.Join("  ", line.Select((cell, i) => i < 4 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd());
        foreach (Measurement failed in results.Measurements.Where(static measurement => measurement.NotTimed is not null))
            output.WriteLine($"{failed.Name} {failed.Case} {failed.Precision} was not timed: {failed.NotTimed}");
        if (results.Disturbed > 0) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"note: during {results.Disturbed:P0} of the samples other programs had the processor, even after some tries"));
        foreach (string note in results.Notes) output.WriteLine($"note: {note}");
        if (results.Machine.Emulated) output.WriteLine(Meaningless);
    }

    /// <summary>The least time that the machine's own ceilings allow; null where they do not say.</summary>
    public static double? LeastSeconds(Measurement measurement, IReadOnlyList<Ceiling> ceilings)
    {
        double? memory = Least(measurement.Bytes, Work.Copy), arithmetic = Least(measurement.Flops, measurement.Ceiling);
        return memory is null || arithmetic is null ? memory ?? arithmetic : Math.Max(memory.Value, arithmetic.Value);

        double? Least(double? amount, string? name) => amount / ceilings.FirstOrDefault(ceiling => ceiling.Name == name)?.PerSecond;
    }

    private static string[] Cells(Measurement measurement, IReadOnlyList<Ceiling> ceilings)
    {
        string[] what = [measurement.Name, measurement.Case, measurement.Precision, measurement.Shape ?? ""];
        if (measurement.NotTimed is not null) return [.. what, "not timed"];
        double median = Statistics.Median(measurement.Seconds);
        return
        [
            .. what, Number(median * 1e6, "N1"), Number(Statistics.Spread(measurement.Seconds), "P1"),
            Number(measurement.Bytes / median / 1e9, "N1"), Number(measurement.Flops / median / 1e12, "N3"), Number(LeastSeconds(measurement, ceilings) / median, "P0"),
        ];
    }

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
