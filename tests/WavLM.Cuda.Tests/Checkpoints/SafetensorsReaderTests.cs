using System.Buffers.Binary;
using System.Text;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>Each rule of the format, broken alone.</summary>
public class SafetensorsReaderTests
{
    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    [Fact]
    public void TensorsLieWhereTheHeaderSays()
    {
        using var folder = new TemporaryFolder();
        using CheckpointFile file = CheckpointFile.Open(Write(folder, "{\"__metadata__\":{\"format\":\"pt\"}," + Entry("b", "F16", "2,1", 8, 12) + "," + A + "}", 12));
        IReadOnlyList<StoredTensor> tensors = SafetensorsReader.Read(file);
        Assert.Equal(["a", "b"], tensors.Select(t => t.Name));
        Assert.Equal([file.Length - 12, file.Length - 4], tensors.Select(t => t.Offset));
        Assert.Equal([2L, 1], tensors[1].Shape.AsEnumerable());
    }

    [Fact]
    public void AnEmptyTensorAtTheEndIsAllowed()
        => Assert.Equal(2, Read("{" + A + "," + Entry("b", "F32", "0,3", 8, 8) + "}", 8).Count);

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    public void AFileWithoutAHeaderIsCutShort(int bytes)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("x.safetensors"), new byte[bytes]);
        Refused.With(() => Open(folder.File("x.safetensors")), $"a header of 0 bytes in a file of {bytes}", "it looks cut short");
    }

    [Theory]
    [InlineData(100, "a header of 100 bytes in a file of")]
    [InlineData(100_000_001, "a header of 100,000,001 bytes in a file of")]
    [InlineData(long.MaxValue, "a header of 9,223,372,036,854,775,807 bytes in a file of")]
    [InlineData(-1, "a header of 18,446,744,073,709,551,615 bytes in a file of")]
    public void AHeaderPastTheEndIsNeverRead(long length, string words)
    {
        using var folder = new TemporaryFolder();
        string path = Write(folder, "{" + A + "}", 8, length);
        Refused.With(() => Open(path), words, "expected 2 to 100,000,000 bytes, inside the file");
    }

    [Fact]
    public void AHeaderBeginsWithABrace() => RefusedHeader(" {" + A + "}", 8, "a header that begins with byte 32", "expected a '{'");

    [Fact]
    public void AHeaderIsJson() => RefusedHeader("{" + A, 8, "a header that is no JSON");

    [Fact]
    public void DeepNestingIsNoJsonHere() => RefusedHeader("{\"a\":" + new string('[', 5000), 8, "a header that is no JSON");

    [Fact]
    public void ANameOccursOnce() => RefusedHeader("{" + A + "," + A + "}", 8, "the name a twice in the header");

    [Fact]
    public void ValuesHaveNoHoles() => RefusedHeader("{" + A + "," + Entry("b", "F32", "1", 12, 16) + "}", 16, "b at 12, after a hole", "the next at 8");

    [Fact]
    public void ValuesDoNotOverlap() => RefusedHeader("{" + A + "," + Entry("b", "F32", "1", 4, 8) + "}", 8, "b at 4, inside the tensor before it", "the next at 8");

    [Fact]
    public void TheLastByteIsTheFiles() => RefusedHeader("{" + A + "}", 9, "by its header", "cut short or added to");

    [Fact]
    public void ATruncatedFileSaysSo() => RefusedHeader("{" + A + "}", 7, "a [2] F32 from 0 to 8 of 7 bytes of values", "it looks cut short");

    [Theory]
    [InlineData("[3]", "a [3] F32 from 0 to 8", "12 bytes")]
    [InlineData("[4294967296,4294967296,4]", "a [4294967296, 4294967296, 4] F32", "a shape that a file can hold")]
    [InlineData("[-2]", "a without a plain dtype, shape and data_offsets", "numbers from 0 on")]
    [InlineData("[2.5]", "a without a plain dtype, shape and data_offsets", "numbers from 0 on")]
    [InlineData("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2]", "a without a plain dtype, shape and data_offsets", "numbers from 0 on")]
    [InlineData("\"2\"", "a without a plain dtype, shape and data_offsets", "numbers from 0 on")]
    public void AShapeFitsItsBytes(string shape, string found, string expected)
        => RefusedHeader($$$"""{"a":{"dtype":"F32","shape":{{{shape}}},"data_offsets":[0,8]}}""", 8, found, expected);

    [Fact]
    public void OffsetsDoNotRunBackwards() => RefusedHeader("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "a [2] F32 from 8 to 0", "8 bytes");

    [Fact]
    public void AnUnknownTypeIsNamed() => RefusedHeader("""{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}""", 8, "a of type Q4", "F32, F16, BF16 or F64");

    [Fact]
    public void ControlCharactersOfANameStayOutOfTheMessage()
    {
        CheckpointException refusal = RefusedHeader("{\"a\\u001b[31m\\n\":{}}", 0, "a?[31m? without");
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void ADamagedHeaderIsNeverAnythingButRefused()
    {
        using var folder = new TemporaryFolder();
        byte[] good = File.ReadAllBytes(Write(folder, "{" + A + "," + Entry("b", "BF16", "2,3", 8, 20) + "}", 12));
        string path = folder.File("damaged.safetensors");
        var random = new Random(5);
        for (int i = 0; i < 600; i++)
        {
            byte[] bad = [.. good];
            for (int k = 0; k <= i % 3; k++) bad[random.Next(bad.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, i % 4 == 0 ? bad[..random.Next(bad.Length)] : bad);
            Exception? outcome = Record.Exception(() => Open(path));
            Assert.True(outcome is null or CheckpointException, $"case {i}: {outcome}");
        }
    }

    private static CheckpointException RefusedHeader(string header, int values, params string[] words) => Refused.With(() => Read(header, values), words);

    private static IReadOnlyList<StoredTensor> Read(string header, int values)
    {
        using var folder = new TemporaryFolder();
        using CheckpointFile file = CheckpointFile.Open(Write(folder, header, values));
        return SafetensorsReader.Read(file);
    }

    private static void Open(string path)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        SafetensorsReader.Read(file);
    }

    private static string Write(TemporaryFolder folder, string header, int values, long? length = null)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + values];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length ?? json.Length);
        json.CopyTo(bytes, 8);
        File.WriteAllBytes(folder.File("x.safetensors"), bytes);
        return folder.File("x.safetensors");
    }

    private static string Entry(string name, string type, string shape, long begin, long end)
        => $$"""
            "{{name}}":{"dtype":"{{type}}","shape":[{{shape}}],"data_offsets":[{{begin}},{{end}}]}
            """;
}
