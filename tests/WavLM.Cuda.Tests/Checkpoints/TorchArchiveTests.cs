using System.IO.Compression;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>Zip archives and pickles that nobody vouches for.</summary>
public class TorchArchiveTests
{
    [Theory]
    [InlineData("posix", "system")]
    [InlineData("os", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("__builtin__", "getattr")]
    [InlineData("torch", "load")]
    [InlineData("torch._utils", "_rebuild_tensor")]
    [InlineData("fairseqx", "Dictionary")]
    [InlineData("numpy", "load")]
    public void AForbiddenGlobalIsRefusedByName(string module, string name)
        => RefusedPickle(p => p.Global(module, name).Text("touch pwned").Raw(0x85).Reduce(), $"found a pickle that names {module}.{name}", "it was not run here");

    [Theory]
    [InlineData("argparse", "Namespace")]
    [InlineData("omegaconf.dictconfig", "DictConfig")]
    [InlineData("numpy", "dtype")]
    [InlineData("__builtin__", "dict")]
    public void ABareStateDictHoldsNoObjectsOfTrainingCode(string module, string name)
    {
        Action<PickleWriter> pickle = p => p.EmptyDict().Text("x").Global(module, name).EmptyTuple().NewObject().EmptyDict().Build().SetItem();
        RefusedPickle(pickle, $"a pickle that names {module}.{name}");
        Assert.IsType<PickleDict>(Load(pickle, allowOpaque: true));
    }

    [Fact]
    public void InsideTheStateDictOnlyTensorsStand()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict().Text("weight").Global("argparse", "Namespace").EmptyTuple().NewObject().SetItem());
        Refused.With(() => Tensors(path, allowOpaque: true), "weight, an object argparse.Namespace, in the state dict", "tensors alone");
    }

    [Fact]
    public void ABarePickleOfOldIsRefusedWithAHint()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("old.pt"), new PickleWriter().EmptyDict().Stop());
        Refused.Opening(folder.File("old.pt"), "a bare pickle, the format of torch.save before 1.6", "torch.save(torch.load(");
    }

    [Fact]
    public void WhatIsNoZipIsRefused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("page.pt"), "<html>404</html>");
        File.WriteAllText(folder.File("empty.pt"), "");
        Refused.Opening(folder.File("page.pt"), "a file of 16 bytes that is no zip archive");
        Refused.Opening(folder.File("empty.pt"), "a file of 0 bytes that is no zip archive");
    }

    [Fact]
    public void ATruncatedArchiveIsRefused()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Checks.Fixture.Named("wavlm-large-unilm").ModelPath);
        File.WriteAllBytes(folder.File("cut.pt"), whole[..(whole.Length / 2)]);
        Refused.Opening(folder.File("cut.pt"), "no zip directory at its end", "it looks cut short");
    }

    [Fact]
    public void CompressedRecordsAreRefused()
    {
        using var folder = new TemporaryFolder();
        TestWeights.WriteZip(folder.File("x.pt"), "archive", new PickleWriter().EmptyDict().Stop(), [], CompressionLevel.Optimal);
        Refused.Opening(folder.File("x.pt"), "the compressed record archive/data.pkl", "which does not compress");
    }

    [Fact]
    public void ARecordNameOccursOnce()
    {
        using var folder = new TemporaryFolder();
        using (ZipArchive zip = ZipFile.Open(folder.File("x.pt"), ZipArchiveMode.Create))
        {
            zip.CreateEntry("a/data.pkl", CompressionLevel.NoCompression);
            zip.CreateEntry("a/data.pkl", CompressionLevel.NoCompression);
        }
        Refused.Opening(folder.File("x.pt"), "the record a/data.pkl twice");
    }

    [Fact]
    public void RecordsDoNotOverlap()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict(), ("data/0", 64), ("data/1", 64));
        byte[] bytes = File.ReadAllBytes(path);
        // Both the directory and the header in front of data/0 claim more bytes than lie before data/1.
        foreach (int at in Positions(bytes, "archive/data/0"u8))
        {
            bool central = bytes.AsSpan(at - 46, 4).SequenceEqual("PK\u0001\u0002"u8);
            bytes.AsSpan(at - (central ? 46 - 20 : 30 - 18), 8).Clear();
            bytes[at - (central ? 46 - 20 : 30 - 18)] = bytes[at - (central ? 46 - 24 : 30 - 22)] = 100;
        }
        File.WriteAllBytes(path, bytes);
        Refused.Opening(path, "the record archive/data/1 inside another");
    }

    [Fact]
    public void TheDirectoryOfALargeArchiveIsFoundInItsSixtyFourBitPlace()
    {
        using var folder = new TemporaryFolder();
        // torch writes that record into every file; only the short one's numbers overflow in large files.
        byte[] bytes = File.ReadAllBytes(Checks.Fixture.Named("wavlm-base-torchaudio").ModelPath);
        bytes.AsSpan(bytes.Length - 22 + 8, 12).Fill(0xFF);
        File.WriteAllBytes(folder.File("large.pth"), bytes);
        using (Checkpoint checkpoint = Checkpoint.Open(folder.File("large.pth"))) Assert.Equal(76, checkpoint.Tensors.Count);

        bytes[bytes.Length - 22 - 20] = 0;   // the locator's signature
        File.WriteAllBytes(folder.File("large.pth"), bytes);
        Refused.Opening(folder.File("large.pth"), "no 64-bit zip directory");
    }

    [Fact]
    public void SizesPastThirtyTwoBitsStandInTheExtraField()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict().Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).SetItem(), ("data/0", 24));
        List<byte> bytes = [.. File.ReadAllBytes(path)];
        int name = Positions([.. bytes], "archive/data/0"u8)[^1], entry = name - 46, end = bytes.Count - 22;
        byte[] sizes = [.. bytes[(entry + 24)..(entry + 28)], 0, 0, 0, 0, .. bytes[(entry + 20)..(entry + 24)], 0, 0, 0, 0, .. bytes[(entry + 42)..(entry + 46)], 0, 0, 0, 0];
        foreach (int field in (int[])[20, 24, 42])
            for (int i = 0; i < 4; i++) bytes[entry + field + i] = 0xFF;
        bytes[end + 12] += 28;   // the directory's length; small enough here for one byte
        bytes[entry + 30] = 28;
        bytes.InsertRange(name + "archive/data/0".Length, [1, 0, 24, 0, .. sizes]);
        File.WriteAllBytes(path, [.. bytes]);
        Assert.Equal([6L], Tensors(path, allowOpaque: false).Single().Shape.AsEnumerable());
    }

    [Fact]
    public void OnePickleInOneTopFolder()
    {
        using var folder = new TemporaryFolder();
        using (ZipArchive zip = ZipFile.Open(folder.File("x.pt"), ZipArchiveMode.Create)) zip.CreateEntry("a/b/data.pkl", CompressionLevel.NoCompression);
        Refused.Opening(folder.File("x.pt"), "0 records named data.pkl", "one, in one top folder");
    }

    [Fact]
    public void BigEndianValuesAreRefused()
    {
        using var folder = new TemporaryFolder();
        TestWeights.WriteZip(folder.File("x.pt"), "archive", new PickleWriter().EmptyDict().Stop(), new() { ["byteorder"] = "big"u8.ToArray() });
        Refused.Opening(folder.File("x.pt"), "values in another byte order than little");
    }

    [Theory]
    [InlineData(6, 0, new long[] { 2, 3 }, new long[] { 3, 1 }, "")]
    [InlineData(6, 0, new long[] { 2, 3 }, new long[] { 1, 2 }, "")]
    [InlineData(6, 4, new long[] { 2 }, new long[] { 1 }, "")]
    [InlineData(6, 0, new long[] { 1, 6 }, new long[] { 99, 1 }, "a view inside its 6 values")]
    [InlineData(6, 5, new long[] { 2 }, new long[] { 1 }, "a view inside its 6 values")]
    [InlineData(6, -1, new long[] { 2 }, new long[] { 1 }, "a view inside its 6 values")]
    [InlineData(6, 0, new long[] { 2 }, new long[] { -1 }, "a view inside its 6 values")]
    [InlineData(6, 0, new long[] { -2 }, new long[] { 1 }, "a view inside its 6 values")]
    [InlineData(6, 0, new long[] { 1000 }, new long[] { 0 }, "a view inside its 6 values")]   // expanded: memory out of nothing
    [InlineData(6, 0, new long[] { 3, 3 }, new long[] { 0, 1 }, "a view inside its 6 values")]
    [InlineData(6, 0, new long[] { 1L << 40, 1L << 40 }, new long[] { 1L << 40, 1 }, "a view inside its 6 values")]
    [InlineData(6, long.MaxValue, new long[] { 2 }, new long[] { 1 }, "a view inside its 6 values")]
    [InlineData(6, 0, new long[] { 2 }, new long[] { 1, 1 }, "as many strides as dimensions")]
    [InlineData(7, 0, new long[] { 2 }, new long[] { 1 }, "24 bytes in record data/0 for w; expected 7 values of 4")]
    [InlineData(1L << 62, 0, new long[] { 2 }, new long[] { 1 }, "24 bytes in record data/0 for w")]
    [InlineData(-6, 0, new long[] { 2 }, new long[] { 1 }, "24 bytes in record data/0 for w")]
    public void AViewLiesInsideItsRecord(long count, long offset, long[] shape, long[] strides, string refusal)
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict().Text("w").Tensor("FloatStorage", "0", count, offset, shape, strides).SetItem(), ("data/0", 24));
        if (refusal.Length == 0) Assert.Equal(shape, Tensors(path, allowOpaque: false).Single().Shape);
        else Refused.With(() => Tensors(path, allowOpaque: false), "w", refusal);
    }

    [Fact]
    public void AStorageHasItsRecord()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict().Text("w").Tensor("FloatStorage", "../0", 6, 0, [6], [1]).SetItem(), ("data/0", 24));
        Refused.With(() => Tensors(path, allowOpaque: false), "no record data/../0 for w");
    }

    [Fact]
    public void ATensorNameOccursOnce()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p =>
        {
            p.EmptyDict();
            for (int i = 0; i < 2; i++) p.Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).SetItem();
        }, ("data/0", 24));
        Refused.With(() => Tensors(path, allowOpaque: false), "w twice in the state dict");
    }

    [Fact]
    public void OtherProtocolsAreRefused()
        => Refused.With(() => PickleReader.Read("x.pt", [0x80, 4, (byte)'}', (byte)'.'], true), "pickle protocol 4", "default protocol");

    [Theory]
    [InlineData((byte)'i', "the pickle opcode 0x69")]    // INST
    [InlineData((byte)'o', "the pickle opcode 0x6f")]    // OBJ
    [InlineData((byte)0x93, "the pickle opcode 0x93")]   // STACK_GLOBAL
    [InlineData((byte)0x82, "the pickle opcode 0x82")]   // EXT1
    [InlineData((byte)'P', "the pickle opcode 0x50")]    // PERSID
    public void OtherOpcodesAreRefused(byte opcode, string words) => RefusedPickle(p => p.Mark().Raw(opcode), words);

    [Fact]
    public void NestingIsCapped() => RefusedPickle(p => p.Raw([.. Enumerable.Repeat((byte)'(', 2000)]), "more nesting than any checkpoint has");

    [Fact]
    public void TheStackIsCapped() => RefusedPickle(p => p.Raw([.. Enumerable.Repeat((byte)'N', 1_000_001)]), "more nesting than any checkpoint has");

    [Fact]
    public void OpcodesAreCapped()
        => RefusedPickle(p => p.Raw((byte)']').Raw([.. Enumerable.Repeat((byte[])[(byte)'q', 1], 2_000_000).SelectMany(b => b)]), "more than 2,000,000 opcodes");

    [Fact]
    public void CopiesOfOneListAreCapped() => RefusedPickle(p =>
    {
        p.Raw((byte)']', (byte)'q', 0).Mark();
        for (int i = 0; i < 2000; i++) p.Text("a").Raw((byte)'N', 0x86);
        p.Raw((byte)'e');
        for (int i = 0; i < 501; i++) p.Global("collections", "OrderedDict").Raw((byte)'h', 0, 0x85).Reduce();
    }, "more pairs than any checkpoint has");

    [Fact]
    public void DimensionsAreCapped()
        => RefusedPickle(p => p.Tensor("FloatStorage", "0", 1, 0, Enumerable.Repeat(1L, 17), Enumerable.Repeat(1L, 17)), "of up to 16 dimensions");

    [Fact]
    public void StringsAreCapped() => RefusedPickle(p => p.Raw((byte)'X', 255, 255, 255, 255), "a string of 4,294,967,295 bytes");

    [Theory]
    [InlineData(new byte[] { (byte)'X', 9, 0, 0, 0, 65 }, "a pickle that ends after")]
    [InlineData(new byte[] { (byte)'h', 3 }, "memo 3, which was never set")]
    [InlineData(new byte[] { (byte)'R' }, "an opcode without its operand")]
    [InlineData(new byte[] { (byte)'N', (byte)'(', 0x85 }, "an opcode without its operands")]   // reaches below the mark
    [InlineData(new byte[] { (byte)'t' }, "an end without a beginning")]
    [InlineData(new byte[] { (byte)'N', (byte)')', (byte)'R' }, "a call of something that is no global")]
    [InlineData(new byte[] { (byte)'}', (byte)'(', (byte)'N', (byte)'u' }, "a key without a value")]
    [InlineData(new byte[] { (byte)'N', (byte)'N', (byte)'a' }, "an append to what is no list")]
    [InlineData(new byte[] { (byte)')', (byte)'}', (byte)'b' }, "a state for something that has none")]
    [InlineData(new byte[] { (byte)'N', (byte)'Q' }, "a persistent id that is no storage")]
    [InlineData(new byte[] { (byte)'c', (byte)'o' }, "a global without an end")]
    [InlineData(new byte[] { (byte)'N', (byte)'N' }, "values left over at the end")]
    public void ADamagedPickleIsRefused(byte[] opcodes, string words) => RefusedPickle(p => p.Raw(opcodes), words);

    [Fact]
    public void ADamagedArchiveIsNeverAnythingButRefused()
    {
        using var folder = new TemporaryFolder();
        string path = WritePickle(folder, p => p.EmptyDict().Text("w").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1]).SetItem(), ("data/0", 24));
        byte[] good = File.ReadAllBytes(path);
        var random = new Random(6);
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] bad = [.. good];
            for (int k = 0; k <= i % 3; k++) bad[random.Next(bad.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, i % 8 == 0 ? bad[..random.Next(bad.Length)] : bad);
            Exception? outcome = Record.Exception(() => Tensors(path, allowOpaque: true));
            Assert.True(outcome is null or CheckpointException, $"case {i}: {outcome}");
            if (outcome is not null) refused++;
        }
        Assert.InRange(refused, 700, 1500);
    }

    private static void RefusedPickle(Action<PickleWriter> write, params string[] words) => Refused.With(() => Load(write, allowOpaque: false), words);

    private static PickleValue Load(Action<PickleWriter> write, bool allowOpaque)
    {
        var pickle = new PickleWriter();
        write(pickle);
        return PickleReader.Read("x.pt", pickle.Stop(), allowOpaque);
    }

    private static string WritePickle(TemporaryFolder folder, Action<PickleWriter> write, params (string Name, int Bytes)[] records)
    {
        var pickle = new PickleWriter();
        write(pickle);
        TestWeights.WriteZip(folder.File("x.pt"), "archive", pickle.Stop(), records.ToDictionary(r => r.Name, r => new byte[r.Bytes]));
        return folder.File("x.pt");
    }

    private static IReadOnlyCollection<StoredTensor> Tensors(string path, bool allowOpaque)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        TorchArchive archive = TorchArchive.Open(file, allowOpaque);
        return archive.Root is PickleDict dict ? archive.Tensors(dict) : [];
    }

    private static List<int> Positions(byte[] bytes, ReadOnlySpan<byte> wanted)
    {
        var positions = new List<int>();
        for (int i = 0; i + wanted.Length <= bytes.Length; i++)
            if (bytes.AsSpan(i, wanted.Length).SequenceEqual(wanted)) positions.Add(i);
        return positions;
    }
}
