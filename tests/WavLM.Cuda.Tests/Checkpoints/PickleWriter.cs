using System.Buffers.Binary;
using System.Text;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>Writes pickles of protocol 2, opcode by opcode: those that torch.save writes, and hostile ones.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public PickleWriter() => Raw(0x80, 2);

    public byte[] Stop() => [.. Raw((byte)'.')._bytes];

    public PickleWriter Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Global(string module, string name) => Raw(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    public PickleWriter Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Raw((byte)'X').Int32(bytes.Length).Raw(bytes);
    }

    public PickleWriter Integer(long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue) return Raw((byte)'J').Int32((int)value);
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Raw(0x8A, 8).Raw(bytes);
    }

    public PickleWriter Flag(bool value) => Raw(value ? (byte)0x88 : (byte)0x89);

    public PickleWriter EmptyTuple() => Raw((byte)')');

    public PickleWriter EmptyDict() => Raw((byte)'}');

    public PickleWriter Mark() => Raw((byte)'(');

    public PickleWriter Tuple() => Raw((byte)'t');

    public PickleWriter Reduce() => Raw((byte)'R');

    public PickleWriter NewObject() => Raw(0x81);

    public PickleWriter Build() => Raw((byte)'b');

    public PickleWriter SetItem() => Raw((byte)'s');

    public PickleWriter SetItems() => Raw((byte)'u');

    public PickleWriter Integers(IEnumerable<long> values)
    {
        Mark();
        foreach (long value in values) Integer(value);
        return Tuple();
    }

    public PickleWriter Tensor(string storageType, string key, long storageCount, long offset, IEnumerable<long> shape, IEnumerable<long> strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Mark();
        Mark().Text("storage").Global("torch", storageType).Text(key).Text("cpu").Integer(storageCount).Tuple().Raw((byte)'Q');
        Integer(offset).Integers(shape).Integers(strides).Flag(false);
        return Global("collections", "OrderedDict").EmptyTuple().Reduce().Tuple().Reduce();
    }

    private PickleWriter Int32(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }
}
