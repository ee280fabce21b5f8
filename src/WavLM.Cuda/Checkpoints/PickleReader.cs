using System.Buffers.Binary;
using System.Text;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A symbolic reader of pickle protocol 2 (Python's pickletools.py describes each opcode). It builds <see cref="PickleValue"/>s and
/// calls nothing: REDUCE, NEWOBJ and BUILD work on the globals of <see cref="PickleGlobals"/> alone, any other opcode or global is an
/// error that names it. Opcodes, stack, memo and strings are capped.
/// </summary>
internal sealed class PickleReader
{
    private const int MaxOpcodes = 2_000_000, MaxStack = 1_000_000, MaxMarks = 1_000, MaxMemo = 1_000_000, MaxStringBytes = 1 << 20;
    private const int MaxDimensions = 16, MaxPairs = 1_000_000;
    private readonly string _path;
    private readonly byte[] _bytes;
    private readonly bool _allowOpaque;
    private readonly List<PickleValue> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<uint, PickleValue> _memo = [];
    private int _at;
    private int _pairs;

    private PickleReader(string path, byte[] bytes, bool allowOpaque)
    {
        _path = path;
        _bytes = bytes;
        _allowOpaque = allowOpaque;
    }

    /// <summary>The value that a pickle describes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">The whole pickle.</param>
    /// <param name="allowOpaque">Whether objects of training code may occur; in a bare state dict they may not.</param>
    /// <exception cref="CheckpointException">The pickle is damaged, uses more than protocol 2 or names a global that is not allowed.</exception>
    public static PickleValue Read(string path, byte[] bytes, bool allowOpaque)
        => new PickleReader(path, bytes, allowOpaque).Run();

    private PickleValue Run()
    {
        for (int opcodes = 0; opcodes < MaxOpcodes; opcodes++)
        {
            byte opcode = Take(1)[0];
            if (opcodes == 0 && opcode != 0x80) throw Damaged($"a first byte 0x{opcode:x2}", "a pickle of protocol 2");
            if (opcode == (byte)'.')
            {
                PickleValue result = Pop();
                return _stack.Count == 0 && _marks.Count == 0 ? result : throw Damaged("values left over at the end", "one value");
            }
            Step(opcode);
            if (_stack.Count > MaxStack || _marks.Count > MaxMarks || _memo.Count > MaxMemo)
                throw Damaged("more nesting than any checkpoint has", $"up to {MaxMarks:N0} levels and {MaxStack:N0} values");
        }
        throw Damaged($"more than {MaxOpcodes:N0} opcodes", "a checkpoint's pickle");
    }

    private void Step(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: ReadProtocol(); break;
            case (byte)'N': Push(PickleScalar.None); break;
            case 0x88: Push(PickleScalar.True); break;
            case 0x89: Push(PickleScalar.False); break;
            case (byte)'K': Push(new PickleScalar((long)Take(1)[0])); break;
            case (byte)'M': Push(new PickleScalar((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)))); break;
            case (byte)'J': Push(new PickleScalar((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)))); break;
            case 0x8A: Push(new PickleScalar(LongInteger(Take(Take(1)[0])))); break;
            case (byte)'G': Push(new PickleScalar(BinaryPrimitives.ReadDoubleBigEndian(Take(8)))); break;
            case (byte)'X': Push(new PickleScalar(Text())); break;
            case (byte)'(': _marks.Push(_stack.Count); break;
            case (byte)')': Push(new PickleSequence([], true)); break;
            case (byte)'t': Push(new PickleSequence(PopToMark(), true)); break;
            case 0x85 or 0x86 or 0x87: Push(new PickleSequence(PopItems(opcode - 0x84), true)); break;
            case (byte)']': Push(new PickleSequence([], false)); break;
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'}': Push(new PickleDict()); break;
            case (byte)'s': SetItems(PopItems(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)'c': Push(Global(Line(), Line())); break;
            case (byte)'Q': Push(Storage(Pop())); break;
            case (byte)'R' or 0x81: Reduce(newObject: opcode == 0x81); break;
            case (byte)'b': Build(Pop()); break;
            case (byte)'q': _memo[Take(1)[0]] = Peek(); break;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
            case (byte)'h': Push(Recall(Take(1)[0])); break;
            case (byte)'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            default: throw Damaged($"the pickle opcode 0x{opcode:x2}", "opcodes of protocol 2 that torch.save writes");
        }
    }

    private void ReadProtocol()
    {
        byte protocol = Take(1)[0];
        if (protocol != 2) throw Damaged($"pickle protocol {protocol}", "protocol 2, which torch.save writes", "save the checkpoint again with torch.save and its default protocol");
    }

    private PickleGlobal Global(string module, string name)
    {
        PickleGlobal? global = PickleGlobals.Find(module, name);
        if (global is null || (global.Kind == PickleGlobalKind.Opaque && !_allowOpaque))
            throw Damaged($"a pickle that names {module}.{name}", "tensors and plain values alone",
                "do not load this file elsewhere unless you trust its source: a pickle runs what it names; it was not run here");
        return global;
    }

    // torch's persistent ids: ('storage', torch.FloatStorage, key, location, count).
    private PickleStorage Storage(PickleValue id)
    {
        if (id is PickleSequence { IsTuple: true, Items: [PickleScalar { Value: "storage" }, PickleGlobal { Kind: PickleGlobalKind.Storage } type,
            PickleScalar { Value: string key }, PickleScalar { Value: string }, PickleScalar { Value: long count }] })
            return new PickleStorage(type.Storage, type.Size, key, count);
        throw Damaged("a persistent id that is no storage", "('storage', type, key, location, count)");
    }

    private void Reduce(bool newObject)
    {
        PickleValue arguments = Pop();
        PickleValue callable = Pop();
        if (arguments is not PickleSequence { IsTuple: true } tuple || callable is not PickleGlobal global)
            throw Damaged("a call of something that is no global", "calls of globals");
        Push(global.Kind switch
        {
            PickleGlobalKind.Opaque => new PickleOpaque(global.Name, arguments),
            PickleGlobalKind.OrderedDict => OrderedDict(tuple),
            PickleGlobalKind.RebuildTensor when !newObject => Tensor(tuple),
            // (tensor, requires_grad, hooks): the tensor is all that matters.
            PickleGlobalKind.RebuildParameter when !newObject && tuple.Items is [PickleTensor tensor, ..] => tensor,
            _ => throw Damaged($"a call of {global.Name} with other arguments than torch.save gives", "a state dict as torch.save writes it"),
        });
    }

    private PickleDict OrderedDict(PickleSequence arguments)
    {
        var dict = new PickleDict();
        if (arguments.Items is []) return dict;
        if (arguments.Items is [PickleSequence pairs] && pairs.Items.All(p => p is PickleSequence { Items.Count: 2 }))
        {
            // One list may be named over and over: without a total, a small pickle would fill the memory with its copies.
            _pairs += pairs.Items.Count;
            if (_pairs > MaxPairs) throw Damaged("more pairs than any checkpoint has", $"up to {MaxPairs:N0}");
            foreach (PickleValue pair in pairs.Items) dict.Items.Add((((PickleSequence)pair).Items[0], ((PickleSequence)pair).Items[1]));
            return dict;
        }
        throw Damaged("an OrderedDict of something that is no list of pairs", "a state dict as torch.save writes it");
    }

    // _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks[, metadata]).
    private PickleTensor Tensor(PickleSequence arguments)
    {
        if (arguments.Items is [PickleStorage storage, PickleScalar { Value: long offset }, PickleSequence { Items.Count: <= MaxDimensions } shape, PickleSequence { Items.Count: <= MaxDimensions } strides, _, _, ..]
            && shape.Items.All(d => d is PickleScalar { Value: long }) && strides.Items.All(d => d is PickleScalar { Value: long }))
            return new PickleTensor(storage, offset, Longs(shape), Longs(strides));
        throw Damaged("a tensor that is not made of storage, offset, shape and strides", $"a tensor as torch.save writes it, of up to {MaxDimensions} dimensions");

        static long[] Longs(PickleSequence items) => [.. items.Items.Select(d => (long)((PickleScalar)d).Value!)];
    }

    private void Build(PickleValue state)
    {
        switch (Peek())
        {
            case PickleOpaque opaque: opaque.State = state; break;
            case PickleDict: break;   // a state dict's _metadata: versions of its modules
            default: throw Damaged("a state for something that has none", "a state dict as torch.save writes it");
        }
    }

    private void Append(List<PickleValue> items)
    {
        if (Peek() is PickleSequence { IsTuple: false } list) list.Items.AddRange(items);
        else if (Peek() is not PickleOpaque) throw Damaged("an append to what is no list", "a list");
    }

    private void SetItems(List<PickleValue> items)
    {
        if (items.Count % 2 != 0) throw Damaged("a key without a value", "pairs");
        if (Peek() is PickleOpaque) return;   // a defaultdict of statistics: of no use here
        if (Peek() is not PickleDict dict) throw Damaged("an item set in what is no dict", "a dict");
        for (int i = 0; i < items.Count; i += 2) dict.Items.Add((items[i], items[i + 1]));
    }

    private static object LongInteger(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8) return double.NaN;   // no size or offset is that large: whoever asks for a long finds none
        long value = bytes.Length > 0 && (sbyte)bytes[^1] < 0 ? -1 : 0;
        for (int i = bytes.Length - 1; i >= 0; i--) value = value << 8 | bytes[i];
        return value;
    }

    private string Text()
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        if (count > MaxStringBytes) throw Damaged($"a string of {count:N0} bytes", $"up to {MaxStringBytes:N0}");
        return Encoding.UTF8.GetString(Take((int)count));
    }

    private string Line()
    {
        int length = _bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0 || length > 1000) throw Damaged("a global without an end", "module and name in two lines");
        string line = Encoding.UTF8.GetString(Take(length));
        _at++;
        return line;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Damaged($"a pickle that ends after {_bytes.Length:N0} bytes", "a whole pickle");
        _at += count;
        return _bytes.AsSpan(_at - count, count);
    }

    private void Push(PickleValue value) => _stack.Add(value);

    // What lies under the newest mark belongs to someone else.
    private int Floor => _marks.Count == 0 ? 0 : _marks.Peek();

    private PickleValue Peek() => _stack.Count > Floor ? _stack[^1] : throw Damaged("an opcode without its operand", "a whole pickle");

    private PickleValue Pop()
    {
        PickleValue value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private List<PickleValue> PopItems(int count)
    {
        if (_stack.Count - count < Floor) throw Damaged("an opcode without its operands", "a whole pickle");
        List<PickleValue> items = _stack.GetRange(_stack.Count - count, count);
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private List<PickleValue> PopToMark()
    {
        if (_marks.Count == 0) throw Damaged("an end without a beginning", "a whole pickle");
        List<PickleValue> items = PopItems(_stack.Count - _marks.Peek());
        _marks.Pop();
        return items;
    }

    private PickleValue Recall(uint index)
        => _memo.TryGetValue(index, out PickleValue? value) ? value : throw Damaged($"memo {index}, which was never set", "a whole pickle");

    private CheckpointException Damaged(string found, string expected, string remedy = "fetch the file again, or save it again with torch.save")
        => new(_path, found, expected, remedy);
}
