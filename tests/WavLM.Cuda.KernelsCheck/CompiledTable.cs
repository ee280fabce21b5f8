using System.Globalization;
using System.Text;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>What the compiler made of the kernels, for kernels/README.md: WavLM's own in rows, the relatives' as their extremes.</summary>
internal static class CompiledTable
{
    private static readonly string[] Globals = ["LDGSTS", "LDG", "STG"];

    /// <param name="compiled">Every variant for every architecture, the architectures of each together.</param>
    /// <param name="compiler">NVRTC's version.</param>
    /// <param name="summary">What the run ended with.</param>
    public static string Of(IReadOnlyList<CompiledVariant> compiled, string compiler, string summary)
    {
        HashSet<string?> rowsOf = [null, .. PublishedModel.WavLM.Select(static model => model.Name)];
        CompiledVariant[] own = [.. compiled.Where(variant => variant.Checked.Uses.Any(use => rowsOf.Contains(use.Model)))];
        CompiledVariant[] others = [.. compiled.Except(own)];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""

            ## As compiled

            By NVRTC {compiler}, for {string.Join(", ", Architecture.All)} in this order where they differ; "half" is float16 and bfloat16, the worse
            of both. Warps: as many as a multiprocessor can hold at once, of {string.Join(", ", Architecture.All.Select(static a => a.Warps))}. Shared memory: static and dynamic.
            {summary}; nothing lies in local memory (no LDL, no STL). Of the code: all instructions, those on tensor
            cores (HMMA), copies from global to shared memory (LDGSTS), loads and stores of global memory (LDG, STG) and how many
            of all these accesses move 16 bytes a lane.

            | kernel | compiled with | model | threads | registers | shared bytes | warps | instructions | HMMA | LDGSTS | LDG, STG | of 16 bytes |
            |---|---|---|---|---|---|---|---|---|---|---|---|

            """);
        foreach (IGrouping<string, CompiledVariant> row in own.GroupBy(static variant => RowOf(variant.Checked.Variant)))
        {
            KernelVariant variant = row.First().Checked.Variant;
            IGrouping<Architecture, CompiledVariant>[] architectures = [.. row.GroupBy(static each => each.Architecture)];
            text.Append(CultureInfo.InvariantCulture,
                $"| `{variant.Entry}` | {DefinesOf(variant)} | {ModelsOf(row)} | {variant.Threads} | {Most(static c => c.Entry.Registers)} | {Most(static c => c.SharedBytes)} | {Figures.Each(architectures.Select(static a => a.Min(static c => c.Occupancy.Warps)))} | {Most(static c => c.Entry.CountAll)} | {Most(static c => c.Entry.Count("HMMA"))} | {Most(static c => c.Entry.Count("LDGSTS"))} | {Most(static c => Globals.Skip(1).Sum(c.Entry.Count))} | {Most(static c => Globals.Sum(c.Entry.CountOf16Bytes))} |\n");

            string Most(Func<CompiledVariant, int> figure) => Figures.Each(architectures.Select(architecture => architecture.Max(figure)));
        }
        CompiledVariant registers = others.MaxBy(static c => c.Entry.Registers)!, shared = others.MaxBy(static c => c.SharedBytes)!, warps = others.MinBy(static c => c.Occupancy.Warps)!;
        text.Append(CultureInfo.InvariantCulture, $"""

            {string.Join(", ", PublishedModel.Relatives.Select(static model => model.Name))} have {others.DistinctBy(static c => c.Checked).Count()} kernels more. Among them
            - the most registers are {registers.Entry.Registers}: {PlaceOf(registers)};
            - the most shared memory is {shared.SharedBytes:N0} bytes: {PlaceOf(shared)};
            - the fewest warps are {warps.Occupancy.Warps}: {PlaceOf(warps)}.

            """);
        return text.ToString();
    }

    private static string PlaceOf(CompiledVariant compiled) => $"`{compiled.Checked.Variant.Entry}` {DefinesOf(compiled.Checked.Variant)} on {compiled.Architecture}";

    // Both half precisions are compiled from the same lines, and share a row.
    private static string RowOf(KernelVariant variant) => $"{variant.Entry} {DefinesOf(variant)}";

    private static string DefinesOf(KernelVariant variant)
        => string.Join(' ', variant.Defines.Select(static define => define.Replace("=BFloat16", "=half", StringComparison.Ordinal).Replace("=Float16", "=half", StringComparison.Ordinal)));

    private static string ModelsOf(IEnumerable<CompiledVariant> row)
    {
        string?[] models = [.. row.SelectMany(static each => each.Checked.Uses).Select(static use => use.Model).Distinct()];
        return models.Contains(null) ? "all" : string.Join(", ", PublishedModel.WavLM.Select(static model => model.Name).Where(models.Contains));
    }
}
