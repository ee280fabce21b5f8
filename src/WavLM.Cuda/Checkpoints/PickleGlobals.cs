namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// The globals that a checkpoint's pickle may name. A pickle's globals are how it would run code, so the list is closed, and a name
/// on it only selects one of our own values: no type is looked up.
/// </summary>
internal static class PickleGlobals
{
    private static readonly HashSet<string> Builtins = ["dict", "list", "set", "tuple", "int", "float", "str", "bool"];
    private static readonly HashSet<string> Paths = ["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"];

    /// <summary>The value that stands for a global, or null for one that is not on the list.</summary>
    public static PickleGlobal? Find(string module, string name)
    {
        string full = $"{module}.{name}";
        return (module, name) switch
        {
            ("collections", "OrderedDict") => new PickleGlobal(PickleGlobalKind.OrderedDict, full, StoredType.Other, 0),
            ("torch._utils", "_rebuild_tensor_v2") => new PickleGlobal(PickleGlobalKind.RebuildTensor, full, StoredType.Other, 0),
            ("torch._utils", "_rebuild_parameter") => new PickleGlobal(PickleGlobalKind.RebuildParameter, full, StoredType.Other, 0),
            ("torch", _) => Storage(name, full),
            _ => IsOpaque(module, name) ? new PickleGlobal(PickleGlobalKind.Opaque, full, StoredType.Other, 0) : null,
        };
    }

    private static PickleGlobal? Storage(string name, string full) => name switch
    {
        "DoubleStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Float64, 8),
        "FloatStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Float32, 4),
        "HalfStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Float16, 2),
        "BFloat16Storage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.BFloat16, 2),
        "LongStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Other, 8),
        "IntStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Other, 4),
        "ShortStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Other, 2),
        "CharStorage" or "ByteStorage" or "BoolStorage" => new PickleGlobal(PickleGlobalKind.Storage, full, StoredType.Other, 1),
        _ => null,
    };

    // What published training checkpoints hold beside their weights.
    private static bool IsOpaque(string module, string name) => module switch
    {
        "argparse" => name == "Namespace",
        "typing" => name == "Any",
        "collections" => name == "defaultdict",
        "builtins" or "__builtin__" => Builtins.Contains(name),   // protocol 2 writes Python 2's module name
        "numpy" => name is "dtype" or "ndarray",
        "numpy.core.multiarray" or "numpy._core.multiarray" => name is "scalar" or "_reconstruct",
        "_codecs" => name == "encode",
        "pathlib" or "pathlib._local" => Paths.Contains(name),
        _ => module is "fairseq" or "omegaconf" || module.StartsWith("fairseq.", StringComparison.Ordinal) || module.StartsWith("omegaconf.", StringComparison.Ordinal),
    };
}
