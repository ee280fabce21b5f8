using System.Text.Json.Serialization;

namespace WavLM.Cuda.Bench.Results;

/// <summary>How long one thing took, run by run, and what it had to do at least.</summary>
/// <param name="Group">Which benchmark it belongs to: kernels, ops, encode, files or peers.</param>
/// <param name="Name">What was timed: a kernel's stem, a workload.</param>
/// <param name="Case">Model and load, as "large 64x15".</param>
/// <param name="Precision">fp32, fp16 or bf16.</param>
internal sealed record Measurement(string Group, string Name, string Case, string Precision)
{
    /// <summary>Who ran it; peers have names of their own.</summary>
    public string Runner { get; init => field = value ?? "wavlm"; } = "wavlm";

    /// <summary>Sizes as a reader wants them: "[47936, 1024]".</summary>
    public string? Shape { get; init; }

    /// <summary>Seconds of every timed run, in order; none where it was not timed, see <see cref="NotTimed"/>.</summary>
    public IReadOnlyList<double> Seconds { get; init => field = value ?? []; } = [];

    /// <summary>Why there are no times: a wrong result, too little memory, a package that is missing.</summary>
    public string? NotTimed { get; init; }

    /// <summary>Bytes that must be moved: each input read once, each output written once.</summary>
    public double? Bytes { get; init; }

    /// <summary>Floating-point operations that must be done.</summary>
    public double? Flops { get; init; }

    /// <summary>The ceiling of its arithmetic, by name; its bytes are always held against "copy".</summary>
    public string? Ceiling { get; init; }

    /// <summary>Seconds of audio a run.</summary>
    public double? AudioSeconds { get; init; }

    /// <summary>The most bytes of tensors at once.</summary>
    public double? PeakBytes { get; init; }

    /// <summary>How far its output is from the reference, relative L2.</summary>
    public double? RelativeError { get; init; }

    /// <summary>Where the time of a whole pass went; medians.</summary>
    public IReadOnlyList<StageTime> Stages { get; init => field = value ?? []; } = [];

    /// <summary>What makes it the same measurement in two files.</summary>
    [JsonIgnore]
    public string Key => $"{Group} {Name} {Case} {Precision} {Runner}";
}

/// <summary>A stage of a whole pass.</summary>
/// <param name="Name">In the words of roofline.py: "conv 1", "attention".</param>
/// <param name="Seconds">Median.</param>
internal sealed record StageTime(string Name, double Seconds)
{
    /// <inheritdoc cref="Measurement.Bytes" />
    public double? Bytes { get; init; }

    /// <inheritdoc cref="Measurement.Flops" />
    public double? Flops { get; init; }

    /// <inheritdoc cref="Measurement.Ceiling" />
    public string? Ceiling { get; init; }
}

/// <summary>What the machine itself reaches, measured in the same run.</summary>
/// <param name="Name">"copy", "gemm fp16".</param>
/// <param name="Unit">byte or flop.</param>
/// <param name="PerSecond">Of the median run.</param>
internal sealed record Ceiling(string Name, string Unit, double PerSecond)
{
    /// <summary>Seconds of every run.</summary>
    public IReadOnlyList<double> Seconds { get; init => field = value ?? []; } = [];
}
