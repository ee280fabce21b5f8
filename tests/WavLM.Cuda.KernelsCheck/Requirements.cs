namespace WavLM.Cuda.KernelsCheck;

/// <summary>What every compiled kernel is held to.</summary>
internal static class Requirements
{
    // In half precision these two live on the tensor cores, fed by copies that run beside them.
    private static readonly string[] OnTensorCores = ["gated_attention", "positional_conv"];
    private static readonly string[] TensorCoreOperations = ["HMMA", "LDGSTS"];

    // What these write lies in rows of at least 16 bytes. The compiler takes stores of a struct apart; a gate is 4 bytes.
    private static readonly string[] StoreIn16Bytes = ["compact", "first_conv", "gated_attention_tensor_cores", "gelu", "layer_norm", "positional_conv_tensor_cores"];
    private const int MostNarrowStores = 1;

    /// <summary>Everything that is wrong with a compiled variant.</summary>
    public static IEnumerable<Finding> Check(CompiledVariant compiled)
    {
        string kernel = compiled.Checked.Variant.Name;
        Architecture architecture = compiled.Architecture;
        foreach (string warning in WarningsIn(compiled.Log)) yield return new(FindingKind.Warning, kernel, architecture, warning, "nothing to say");

        foreach ((string name, FunctionDump function) in compiled.Functions)
        {
            int loads = function.Count("LDL"), stores = function.Count("STL");
            if (loads > 0 || stores > 0 || function.StackBytes > 0)
                yield return new(FindingKind.Spill, kernel, architecture, $"{loads} LDL, {stores} STL and {function.StackBytes} bytes of stack in {name}", "none");
        }

        if (compiled.SharedBytes > architecture.SharedBytesOfBlock)
            yield return new(FindingKind.Error, kernel, architecture, $"{compiled.SharedBytes:N0} bytes of shared memory", $"at most {architecture.SharedBytesOfBlock:N0}");
        else if (compiled.Occupancy.Blocks == 0)
            yield return new(FindingKind.Error, kernel, architecture, $"no block of {compiled.Checked.Variant.Threads} threads with {compiled.Entry.Registers} registers fits", "one or more");

        int narrow = compiled.Entry.Count("STG") - compiled.Entry.CountOf16Bytes("STG");
        if (StoreIn16Bytes.Contains(compiled.Checked.Variant.Entry) && narrow > MostNarrowStores)
            yield return new(FindingKind.Error, kernel, architecture, $"{narrow} stores of less than 16 bytes", $"at most {MostNarrowStores}");

        if (!OnTensorCores.Any(operation => compiled.Checked.Variant.Entry.StartsWith(operation, StringComparison.Ordinal)) || !compiled.Checked.Uses.Any(static use => use.IsHalf)) yield break;
        foreach (string operation in TensorCoreOperations)
            if (compiled.Entry.Count(operation) == 0) yield return new(FindingKind.Error, kernel, architecture, $"no {operation}", "some in half precision");
    }

    /// <summary>The compiler's warnings, its own and those of its assembler; whatever else it says counts as one, too.</summary>
    internal static IEnumerable<string> WarningsIn(string log)
    {
        string[] lines = log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string[] warnings = [.. lines.Where(static line => line.Contains("warning", StringComparison.OrdinalIgnoreCase))];
        return warnings.Length > 0 ? warnings : lines.Take(1);
    }
}
