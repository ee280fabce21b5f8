using System.Text.Json;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>Kernels that are not the product's: a JSON list, with the sources beside it. With these the tests see that the check finds what it looks for.</summary>
internal static class OtherVariants
{
    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    /// <summary>One of the list.</summary>
    internal sealed record Description(string File, string Entry, string[] Defines, int Threads, int SharedBytes = 0, bool Half = false);

    public static (IReadOnlyList<CheckedVariant> Variants, KernelSources Sources) Read(string list)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(list))!;
        Description[] descriptions = JsonSerializer.Deserialize<Description[]>(File.ReadAllText(list), CamelCase)!;
        return ([.. descriptions.Select(VariantOf)], new KernelSources(name => Path.Combine(folder, name) is var file && File.Exists(file) ? File.ReadAllText(file) : null));
    }

    private static CheckedVariant VariantOf(Description one)
        => new(new KernelVariant(one.File, one.Entry, one.Defines, one.Threads, one.SharedBytes), [new VariantUse(Model: null, one.Half ? ElementType.Float16 : ElementType.Float32)]);
}
