using System.Globalization;
using System.Text.RegularExpressions;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>What a function of a cubin takes and does.</summary>
/// <param name="Registers">Of a thread.</param>
/// <param name="StackBytes">Of a thread: local memory, where spilled registers and arrays indexed at run time go.</param>
/// <param name="SharedBytes">Static shared memory of a block. sm_90 counts the system's kilobyte among it.</param>
/// <param name="Instructions">How many there are of each operation, modifiers included: HMMA.16816.F32.</param>
internal sealed record FunctionDump(int Registers, int StackBytes, int SharedBytes, IReadOnlyDictionary<string, int> Instructions)
{
    /// <summary>All of them.</summary>
    public int CountAll => Instructions.Values.Sum();

    /// <summary>Those of an operation by its name up to the first dot: HMMA of HMMA.16816.F32.</summary>
    public int Count(string operation) => CountWhere(operation, static _ => true);

    /// <summary>Those of them that move 16 bytes a lane.</summary>
    public int CountOf16Bytes(string operation) => CountWhere(operation, static modifiers => modifiers.Contains("128"));

    private int CountWhere(string operation, Func<string[], bool> modifiers)
        => Instructions.Where(entry => entry.Key.Split('.') is var parts && parts[0] == operation && modifiers(parts)).Sum(static entry => entry.Value);
}

/// <summary>What cuobjdump --dump-resource-usage --dump-sass prints of a cubin.</summary>
internal static partial class CubinDump
{
    /// <summary>Every function by its name.</summary>
    /// <exception cref="FormatException">The text is no such dump, or lacks one of its halves.</exception>
    public static IReadOnlyDictionary<string, FunctionDump> Parse(string text)
    {
        Dictionary<string, Dictionary<string, int>> code = [];
        Dictionary<string, Match> usages = [];
        Dictionary<string, int>? instructions = null;
        string? used = null;
        foreach (string line in text.Split('\n'))
        {
            if (UsageOf().Match(line) is { Success: true } usageOf) used = usageOf.Groups[1].Value;
            else if (used is not null && Usage().Match(line) is { Success: true } usage) (usages[used], used) = (usage, null);
            else if (Function().Match(line) is { Success: true } function) code[function.Groups[1].Value] = instructions = [];
            else if (instructions is not null && Instruction().Match(line) is { Success: true } instruction)
                instructions[instruction.Groups[1].Value] = instructions.GetValueOrDefault(instruction.Groups[1].Value) + 1;
        }
        if (usages.Count == 0 || !usages.Keys.Order(StringComparer.Ordinal).SequenceEqual(code.Keys.Order(StringComparer.Ordinal)) || code.Values.Any(static counts => counts.Count == 0))
            throw new FormatException($"not both halves of a cubin's dump: resources of ({string.Join(", ", usages.Keys)}), code of ({string.Join(", ", code.Keys)})");
        return usages.ToDictionary(static entry => entry.Key, entry => new FunctionDump(Number(entry.Value, 1), Number(entry.Value, 2), Number(entry.Value, 3), code[entry.Key]));
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ Function (\S+):\s*$")]
    private static partial Regex UsageOf();

    [GeneratedRegex(@"^\s*REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:\d+ ")]
    private static partial Regex Usage();

    [GeneratedRegex(@"^\s*Function : (\S+)\s*$")]
    private static partial Regex Function();

    // Address, predicate if any, operation. The second line of an instruction has its other eight bytes alone.
    [GeneratedRegex(@"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Za-z0-9_.]*)")]
    private static partial Regex Instruction();
}
