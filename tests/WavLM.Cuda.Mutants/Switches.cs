using System.Reflection;
using WavLM.Cuda.Backends.Cuda;

namespace WavLM.Cuda.Mutants;

/// <summary>The switches of the product's copy that this program was built against; in the product itself there are none.</summary>
internal static class Switches
{
    private static readonly Type? Class = typeof(CudaBackend).Assembly.GetType("WavLM.Cuda.Mutant");

    /// <summary>Puts one mutation into effect; -1 for none.</summary>
    public static void Choose(int number)
    {
        if (number >= 0) Field("Chosen").SetValue(null, number);
    }

    public static void ForgetReached()
    {
        if (Class is not null) Array.Clear(Marks());
    }

    /// <summary>The switches that were asked since the last <see cref="ForgetReached"/>.</summary>
    public static int[] Reached() => Class is null ? [] : [.. Marks().Index().Where(static mark => mark.Item).Select(static mark => mark.Index)];

    private static bool[] Marks() => (bool[])Field("Reached").GetValue(null)!;

    private static FieldInfo Field(string name) => Class?.GetField(name, BindingFlags.Static | BindingFlags.Public)
        ?? throw new InvalidOperationException($"this build of the product has no switches: no WavLM.Cuda.Mutant.{name}");
}
