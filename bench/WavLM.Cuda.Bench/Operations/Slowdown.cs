using System.Globalization;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>
/// More work than is asked for, in the benchmark and not in the product: so that who compares two files of measurements can be
/// shown a kernel that became slower.
/// </summary>
/// <param name="Factor">1.15: 23 runs where 20 are asked for.</param>
internal sealed record Slowdown(double Factor)
{
    public static Slowdown None { get; } = new(1);

    public int RunsFor(int runs) => (int)Math.Round(runs * Factor);

    /// <summary>At least so many runs, of which the slower ones are a whole number too, or within a hundredth.</summary>
    public int WholeRuns(int runs)
    {
        const int Most = 20;
        int part = 1;
        while (part < Most && Math.Abs(RunsFor(part) - part * Factor) > 0.01 * part * Factor) part++;
        return (runs + part - 1) / part * part;
    }
}

/// <summary>Which benchmarks are slowed, as "layer_norm=1.15": the name, the name and case, or a pattern that matches all of either.</summary>
internal sealed record Slowed(string Name, Regex Pattern, double Factor)
{
    /// <exception cref="FormatException">It is not NAME=FACTOR with a factor of at least 1.</exception>
    public static Slowed Parse(string text)
    {
        int equals = text.LastIndexOf('=');
        if (equals <= 0 || !double.TryParse(text.AsSpan(equals + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double factor) || !(factor is >= 1 and <= 10))
            throw new FormatException($"{text}: expected NAME=FACTOR, as layer_norm=1.15");
        return new(text[..equals], OperationsRequest.Pattern($"^(?:{text[..equals]})$"), factor);
    }

    public Slowdown Of(Operation operation) => Pattern.IsMatch(operation.Name) || Pattern.IsMatch(operation.Title) ? new(Factor) : Slowdown.None;
}
