namespace WavLM.Cuda.Checkpoints;

/// <summary>What a pickle says, as data. Values may be shared and may refer to each other in circles: walk them by key, never all of them.</summary>
internal abstract class PickleValue;

/// <summary>None, a bool, a long, a double or a string.</summary>
internal sealed class PickleScalar(object? value) : PickleValue
{
    public static readonly PickleScalar None = new(null), True = new(true), False = new(false);

    public object? Value { get; } = value;
}

/// <summary>A tuple or a list.</summary>
internal sealed class PickleSequence(List<PickleValue> items, bool isTuple) : PickleValue
{
    public List<PickleValue> Items { get; } = items;

    public bool IsTuple { get; } = isTuple;
}

/// <summary>A dict or an OrderedDict, in the order of the file.</summary>
internal sealed class PickleDict : PickleValue
{
    public List<(PickleValue Key, PickleValue Value)> Items { get; } = [];

    /// <summary>The value under a text, the last one where the file sets it twice; null where there is none.</summary>
    public PickleValue? this[string key]
        => Items.FindLastIndex(i => i.Key is PickleScalar { Value: string text } && text == key) is >= 0 and var at ? Items[at].Value : null;
}

/// <summary>A global that a pickle may name.</summary>
internal enum PickleGlobalKind
{
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage,

    /// <summary>A class or function of the training code, kept as its name and never made.</summary>
    Opaque,
}

/// <summary>A global by its name, before anything is done with it.</summary>
internal sealed class PickleGlobal(PickleGlobalKind kind, string name, StoredType storage, int size) : PickleValue
{
    public PickleGlobalKind Kind { get; } = kind;

    public string Name { get; } = name;

    /// <summary>Type of a storage's values.</summary>
    public StoredType Storage { get; } = storage;

    /// <summary>Bytes of one value of a storage.</summary>
    public int Size { get; } = size;
}

/// <summary>Memory that the archive holds as the record data/<paramref name="key"/>.</summary>
internal sealed class PickleStorage(StoredType type, int size, string key, long count) : PickleValue
{
    public StoredType Type { get; } = type;

    public int Size { get; } = size;

    public string Key { get; } = key;

    public long Count { get; } = count;
}

/// <summary>A tensor as a view on a storage; offset and strides in values. Nothing of it is checked yet.</summary>
internal sealed class PickleTensor(PickleStorage storage, long offset, long[] shape, long[] strides) : PickleValue
{
    public PickleStorage Storage { get; } = storage;

    public long Offset { get; } = offset;

    public long[] Shape { get; } = shape;

    public long[] Strides { get; } = strides;
}

/// <summary>An object of the training code: a name, arguments and a state. Nothing was constructed and nothing called.</summary>
internal sealed class PickleOpaque(string name, PickleValue arguments) : PickleValue
{
    public string Name { get; } = name;

    public PickleValue Arguments { get; } = arguments;

    public PickleValue? State { get; set; }
}
