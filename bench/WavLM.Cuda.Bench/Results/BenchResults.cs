using System.Text.Json;
using System.Text.Json.Serialization;

namespace WavLM.Cuda.Bench.Results;

/// <summary>A file of measurements: one run of one command on one machine. The scripts of bench/peers write the same.</summary>
/// <param name="Command">What ran: "kernels", "ops", "encode", "files", "peers".</param>
/// <param name="Date">UTC, ISO 8601.</param>
/// <param name="Machine">Where.</param>
internal sealed record BenchResults(string Command, string Date, Machine Machine)
{
    /// <summary>Of this format.</summary>
    public const int CurrentSchema = 1;

    /// <summary>The format's number.</summary>
    public int Schema { get; init; } = CurrentSchema;

    /// <summary>What the machine reaches; empty where a command measures none.</summary>
    public IReadOnlyList<Ceiling> Ceilings { get; init; } = [];

    /// <summary>In the order they ran.</summary>
    public IReadOnlyList<Measurement> Measurements { get; init; } = [];

    /// <summary>What a reader must know: what was left out, and why.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Reads a file.</summary>
    /// <exception cref="BenchException">It is missing or something else; the message names it.</exception>
    public static BenchResults Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            BenchResults results = JsonSerializer.Deserialize(stream, BenchResultsJson.Default.BenchResults)
                ?? throw new BenchException($"{path}: null, expected an object of benchmark results");
            return results.Schema == CurrentSchema ? results
                : throw new BenchException($"{path}: results of format {results.Schema}, expected {CurrentSchema}; measure again with this version");
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
    public string Version { get; init; } = "";
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
