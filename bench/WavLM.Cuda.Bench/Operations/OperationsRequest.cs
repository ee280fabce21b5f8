using System.Text.RegularExpressions;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>Which benchmarks are run.</summary>
internal sealed record OperationsRequest
{
    /// <summary>"kernels" or "ops".</summary>
    public required string Group { get; init; }

    /// <summary>One after the other.</summary>
    public required IReadOnlyList<Precision> Precisions { get; init; }

    public Shapes Shapes { get; init; } = Shapes.Usual;

    /// <summary>Matched with name and case; null for all.</summary>
    public Regex? Filter { get; init; }

    /// <summary>How often each benchmark has its turn; null for as often as suits the device.</summary>
    public int? Rounds { get; init; }

    /// <summary>What is made slower on purpose; null for nothing.</summary>
    public Slowed? Slowed { get; init; }

    /// <exception cref="FormatException">It is no regular expression.</exception>
    public static Regex Pattern(string text)
    {
        try
        {
            return new Regex(text, RegexOptions.CultureInvariant);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"{text}: not a regular expression: {e.Message}", e);
        }
    }
}

/// <summary>Which loads.</summary>
internal enum Shapes
{
    /// <summary>One short utterance of the smaller model.</summary>
    Small,

    /// <summary>What is compared from day to day.</summary>
    Usual,

    /// <summary>1 to 64 utterances of 1 to 60 seconds.</summary>
    All,
}
