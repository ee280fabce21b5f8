using System.Collections.Immutable;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A file of torch.save since 1.6: a zip of a pickle, TOP/data.pkl, and the storages it refers to, TOP/data/KEY. Each tensor is
/// compared with the real size of its record before anything is believed about it.
/// </summary>
internal sealed class TorchArchive
{
    private const long MaxPickleBytes = 64 << 20;
    private readonly CheckpointFile _file;
    private readonly StoredZip _zip;
    private readonly string _top;

    private TorchArchive(CheckpointFile file, StoredZip zip, string top, PickleValue root)
    {
        _file = file;
        _zip = zip;
        _top = top;
        Root = root;
    }

    /// <summary>What was saved.</summary>
    public PickleValue Root { get; }

    /// <param name="file">The open file.</param>
    /// <param name="allowOpaque">Whether objects of training code may stand beside the state dict.</param>
    /// <exception cref="CheckpointException">The file is no such archive, or its pickle is refused.</exception>
    public static TorchArchive Open(CheckpointFile file, bool allowOpaque)
    {
        Span<byte> start = stackalloc byte[4];
        start.Clear();
        file.Read(0, start[..(int)Math.Min(4, file.Length)]);
        if (start[0] == 0x80)
            throw new CheckpointException(file.Path, "a bare pickle, the format of torch.save before 1.6", "the zip format",
                "save it again where you trust its source: python -c \"import torch; torch.save(torch.load('old.pt', weights_only=False), 'new.pt')\"");
        if (!start.SequenceEqual("PK\u0003\u0004"u8))
            throw new CheckpointException(file.Path, $"a file of {file.Length:N0} bytes that is no zip archive", "a checkpoint of torch.save", "check the path and fetch the file again");

        StoredZip zip = StoredZip.Open(file);
        const string Pickle = "/data.pkl";
        string[] pickles = [.. zip.Records.Keys.Where(n => n.EndsWith(Pickle, StringComparison.Ordinal) && n.IndexOf('/', StringComparison.Ordinal) == n.Length - Pickle.Length)];
        if (pickles.Length != 1)
            throw new CheckpointException(file.Path, $"{pickles.Length} records named data.pkl", "one, in one top folder", "give a checkpoint that torch.save wrote");
        string top = pickles[0][..^Pickle.Length];

        if (zip.Records.TryGetValue($"{top}/byteorder", out ZipRecord order))
        {
            var text = new byte[Math.Min(order.Length, 16)];
            file.Read(order.Offset, text);
            if (!text.AsSpan().SequenceEqual("little"u8))
                throw new CheckpointException(file.Path, "values in another byte order than little", "little-endian values", "save the checkpoint again on a little-endian machine");
        }
        ZipRecord record = zip.Records[pickles[0]];
        if (record.Length > MaxPickleBytes)
            throw new CheckpointException(file.Path, $"a pickle of {record.Length:N0} bytes", $"up to {MaxPickleBytes:N0}", "save the state dict alone with torch.save");
        var bytes = new byte[record.Length];
        file.Read(record.Offset, bytes);
        return new TorchArchive(file, zip, top, PickleReader.Read(file.Path, bytes, allowOpaque));
    }

    /// <summary>The tensors of a state dict.</summary>
    /// <exception cref="CheckpointException">Something in it is no tensor, a name occurs twice, or a tensor does not fit its record.</exception>
    public IReadOnlyCollection<StoredTensor> Tensors(PickleDict stateDict)
    {
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach ((PickleValue key, PickleValue value) in stateDict.Items)
        {
            if (key is not PickleScalar { Value: string name })
                throw Wrong("a key that is no text in the state dict", "names of tensors");
            if (value is not PickleTensor tensor)
                throw Wrong($"{name}, {What(value)}, in the state dict", "tensors alone");
            if (!tensors.TryAdd(name, Locate(name, tensor)))
                throw Wrong($"{name} twice in the state dict", "each name once");
        }
        return tensors.Values;
    }

    private StoredTensor Locate(string name, PickleTensor tensor)
    {
        PickleStorage storage = tensor.Storage;
        if (!_zip.Records.TryGetValue($"{_top}/data/{storage.Key}", out ZipRecord record))
            throw Wrong($"no record data/{storage.Key} for {name}", "a record for each storage");
        if (storage.Count < 0 || storage.Count > record.Length / storage.Size || storage.Count * storage.Size != record.Length)
            throw Wrong($"{record.Length:N0} bytes in record data/{storage.Key} for {name}", $"{storage.Count:N0} values of {storage.Size}");
        if (tensor.Shape.Length != tensor.Strides.Length)
            throw Wrong($"{name} with {tensor.Shape.Length} dimensions and {tensor.Strides.Length} strides", "as many strides as dimensions");

        long count = 1, last = tensor.Offset;
        bool contiguous = true, fits = tensor.Offset >= 0;
        for (int d = tensor.Shape.Length - 1; d >= 0 && fits; d--)
        {
            (long size, long stride) = (tensor.Shape[d], tensor.Strides[d]);
            // Each factor is at most the storage's count before it is used, and that is at most the file's size: no product overflows in Int128.
            fits = size >= 0 && stride >= 0 && size <= storage.Count && stride <= Math.Max(1, storage.Count);
            if (!fits) break;
            if (size > 1)
            {
                contiguous &= stride == count;
                fits = last + (Int128)(size - 1) * stride < storage.Count && (Int128)count * size <= storage.Count;
                last = fits ? last + (size - 1) * stride : last;
            }
            count = fits ? count * size : count;
        }
        if (!fits || (count > 0 && last >= storage.Count) || tensor.Offset > storage.Count)
            throw Wrong($"{name} {StoredTensor.Describe(tensor.Shape)} with strides {StoredTensor.Describe(tensor.Strides)} from {tensor.Offset:N0}",
                $"a view inside its {storage.Count:N0} values");
        return new StoredTensor(name, storage.Type, [.. tensor.Shape], _file, record.Offset + tensor.Offset * storage.Size)
        {
            Strides = contiguous ? default : ImmutableArray.Create(tensor.Strides),
        };
    }

    private static string What(PickleValue value) => value switch
    {
        PickleOpaque opaque => $"an object {opaque.Name}",
        PickleGlobal global => $"the global {global.Name}",
        PickleDict => "a dict",
        PickleSequence => "a list",
        _ => "a plain value",
    };

    private CheckpointException Wrong(string found, string expected)
        => new(_file.Path, found, expected, "fetch the file again, or save it again with torch.save");
}
