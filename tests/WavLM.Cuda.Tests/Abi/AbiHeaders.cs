using System.Text.Json;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Abi;

/// <summary>What NVIDIA's headers of one CUDA version say, compiled: a file of tests/abi.</summary>
internal sealed record AbiHeaders(
    string Version,
    Dictionary<string, Dictionary<string, long>> Enums,
    Dictionary<string, Dictionary<string, int>> Structs,
    Dictionary<string, string> DriverSymbols,
    Dictionary<string, string[]> Exports)
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Folder { get; } = Path.Combine(Path.GetDirectoryName(Fixture.Root)!, "abi");

    public static AbiHeaders[] All { get; } = [.. new[] { "11.8", "12.8", "13.0" }.Select(version => Read<AbiHeaders>($"cuda-{version}.json") with { Version = version })];

    /// <summary>What a real driver exports: 535, of CUDA 12.2.</summary>
    public static HashSet<string> DriverExports { get; } = [.. Read<DriverLibrary>("libcuda-535.json").Exports];

    /// <summary>The symbol that a plain name stands for: most stand for themselves, and only the others are listed.</summary>
    public string SymbolOf(string plainName) => DriverSymbols.GetValueOrDefault(plainName, plainName);

    public string[] ExportsOf(string library) => Exports.Single(exports => exports.Key.StartsWith(library, StringComparison.Ordinal)).Value;

    private static T Read<T>(string file) => JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(Folder, file)), SnakeCase)!;

    private sealed record DriverLibrary(string Library, string[] Exports);
}
