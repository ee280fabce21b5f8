using System.Globalization;
using System.Text;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>Every variant in a line, for the terminal.</summary>
internal static class ConsoleTable
{
    public static string Of(KernelsRun run)
    {
        StringBuilder text = new();
        text.AppendLine("registers        shared  warps of a multiprocessor  HMMA LDGSTS  LDL  STL  kernel");
        foreach (IGrouping<string, CompiledVariant> variant in run.Compiled.GroupBy(static compiled => compiled.Checked.Variant.Name))
        {
            CompiledVariant[] each = [.. variant];
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{Figures.Each(each, static c => c.Entry.Registers),-16} {each.Max(static c => c.SharedBytes),7} {Figures.Each(each, static c => c.Occupancy.Warps),-26} {Most("HMMA"),5} {Most("LDGSTS"),6} {Most("LDL"),4} {Most("STL"),4}  {variant.Key}");

            int Most(string operation) => each.Max(compiled => compiled.Functions.Values.Sum(function => function.Count(operation)));
        }
        return text.ToString();
    }
}

internal static class Figures
{
    /// <summary>A figure of every architecture, in their order; once where they agree.</summary>
    public static string Each(IEnumerable<CompiledVariant> compiled, Func<CompiledVariant, int> figure) => Each(compiled.Select(figure));

    public static string Each(IEnumerable<int> figures)
    {
        int[] each = [.. figures];
        return each.Distinct().Count() == 1 ? each[0].ToString(CultureInfo.InvariantCulture) : string.Join('/', each);
    }
}
