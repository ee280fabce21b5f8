using System.Text.Json;
using System.Text.Json.Serialization;

namespace WavLM.Cuda.Bench.Results;

/// <summary>
/// A file of measurements: one run of one command on one machine. The scripts of bench/peers write the same. What a file leaves out
/// reaches these types as null, whatever a property begins with: the generated reader sets every init property.
/// </summary>
/// <param name="Command">What ran: "kernels", "ops", "encode", "files", "peers".</param>
/// <param name="Date">UTC, ISO 8601.</param>
/// <param name="Machine">Where.</param>
internal sealed record BenchResults(string Command, string Date, Machine Machine)
{
    /// <summary>Of this format.</summary>
    public const int CurrentSchema = 1;

    /// <summary>The format's number.</summary>
    public int Schema { get; init; } = CurrentSchema;

    /// <summary>Every list of seconds is so many equal parts, each measured in a process of its own.</summary>
    public int Processes { get; init => field = Math.Max(1, value); } = 1;

    /// <summary>Part of the samples during which other programs had the processor, even after some tries; null where nobody looked.</summary>
    public double? Disturbed { get; init; }

    /// <summary>What the machine reaches; empty where a command measures none.</summary>
    public IReadOnlyList<Ceiling> Ceilings { get; init => field = value ?? []; } = [];

    /// <summary>In the order they ran.</summary>
    public IReadOnlyList<Measurement> Measurements { get; init => field = value ?? []; } = [];

    /// <summary>What a reader must know: what was left out, and why.</summary>
    public IReadOnlyList<string> Notes { get; init => field = value ?? []; } = [];

    /// <summary>Reads a file.</summary>
    /// <exception cref="BenchException">It is missing or something else; the message names it.</exception>
    public static BenchResults Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            BenchResults results = JsonSerializer.Deserialize(stream, BenchResultsJson.Default.BenchResults)
                ?? throw new BenchException($"{path}: null, expected an object of benchmark results");
            if (results.Schema != CurrentSchema) throw new BenchException($"{path}: results of format {results.Schema}, expected {CurrentSchema}; measure again with this version");
            return results.Fault() is { } fault ? throw new BenchException($"{path}: not a file of benchmark results: {fault}") : results;
        }
        catch (JsonException e)
        {
            throw new BenchException($"{path}: not a file of benchmark results: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BenchException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    // What the types let through: null among a list's elements, times and rates that no clock measures, and one measurement twice.
    private string? Fault()
    {
        if (Measurements.Contains(null!) || Ceilings.Contains(null!) || Notes.Contains(null!) || Measurements.Any(m => m.Stages.Contains(null!))) return "null in a list";
        if (Ceilings.FirstOrDefault(c => !IsPositive(c.PerSecond) || !c.Seconds.All(IsPositive)) is { } ceiling) return $"ceiling \"{ceiling.Name}\" has a rate or time that is not above 0";
        if (Measurements.FirstOrDefault(m => !m.Seconds.All(IsPositive) || m.Stages.Any(s => !(s.Seconds >= 0 && double.IsFinite(s.Seconds)))) is { } timed) return $"\"{timed.Key}\" has a time that is not above 0";
        if (Ceilings.Select(c => (c.Name, c.Seconds)).Concat(Measurements.Select(m => (Name: m.Key, m.Seconds))).FirstOrDefault(timed => timed.Seconds.Count % Processes != 0) is { Seconds.Count: int count } uneven)
            return $"\"{uneven.Name}\" has {count} times, which is not as many of each of {Processes} processes";
        if (Measurements.GroupBy(m => m.Key).FirstOrDefault(same => same.Count() > 1) is { } twice) return $"\"{twice.Key}\" is there {twice.Count()} times";
        return null;

        static bool IsPositive(double value) => value > 0 && double.IsFinite(value);
    }

    /// <summary>Writes a file, or replaces it whole.</summary>
    /// <exception cref="BenchException">It cannot be written.</exception>
    public void Write(string path)
    {
        try
        {
            string unfinished = path + ".unfinished";
            using (FileStream stream = File.Create(unfinished)) JsonSerializer.Serialize(stream, this, BenchResultsJson.Default.BenchResults);
            File.Move(unfinished, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BenchException($"{path}: cannot be written: {e.Message}", e);
        }
    }
}

/// <summary>The machine of a run.</summary>
/// <param name="Device">The GPU's or the processor's name.</param>
/// <param name="DeviceSet">Device, library versions and algorithms, as the manifest names them.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Threads">Of the CPU backend.</param>
internal sealed record Machine(string Device, string DeviceSet, string Processor, int Threads)
{
    /// <summary>An emulated device's times are meaningless.</summary>
    public bool Emulated { get; init; }

    /// <summary>Of the last minute, when the run began.</summary>
    public double LoadAverage { get; init; }

    /// <summary>The version of WavLM.Cuda.</summary>
    public string Version { get; init => field = value ?? ""; } = "";
}

/// <summary>A benchmark that cannot be run or read, in the user's words.</summary>
internal sealed class BenchException : Exception
{
    public BenchException(string message)
        : base(message)
    {
    }

    public BenchException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

[JsonSerializable(typeof(BenchResults))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
internal sealed partial class BenchResultsJson : JsonSerializerContext;
