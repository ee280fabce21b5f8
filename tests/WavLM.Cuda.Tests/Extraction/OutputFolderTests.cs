using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Tests.Extraction;

public sealed class OutputFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_that_cannot_be_made_is_named()
    {
        File.WriteAllText(_folder.File("file"), "in the way");
        string path = Path.Combine(_folder.Path, "file/out");

        string message = Assert.Throws<ExtractionException>(() => OutputFolder.Open(path)).Message;

        Assert.Contains($"output folder {path}: it can't be written", message);
        Assert.Contains("choose another with --out", message);
    }

    [Fact]
    public void Opening_makes_the_folder_and_leaves_it_empty()
    {
        OutputFolder output = OutputFolder.Open(Path.Combine(_folder.Path, "new/inner/"));

        Assert.Equal(Path.Combine(_folder.Path, "new/inner"), output.FullPath);
        Assert.Empty(Directory.GetFileSystemEntries(output.FullPath));
    }

    [Fact]
    public void Less_room_than_needed_is_refused_in_units_for_people()
    {
        OutputFolder output = OutputFolder.Open(_folder.Path);
        output.RequireRoomFor(1_000, 1_000);

        string message = Assert.Throws<ExtractionException>(() => output.RequireRoomFor(18_240_000_000, 999)).Message;

        Assert.Contains("found 999 bytes free, expected about 18.2 GB", message);
        Assert.Contains("--force", message);
    }

    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(999, "999 bytes")]
    [InlineData(1_000, "1 kB")]
    [InlineData(1_550, "1.6 kB")]
    [InlineData(999_600, "1 MB")]
    [InlineData(123_456_789, "123 MB")]
    [InlineData(long.MaxValue, "9.2 EB")]
    public void Bytes_are_described(long bytes, string text) => Assert.Equal(text, OutputFolder.DescribeBytes(bytes));

    [Theory]
    [InlineData("../out")]
    [InlineData("a/../../out")]
    [InlineData("a/./b")]
    [InlineData("/etc/out")]
    public void An_id_that_leads_elsewhere_makes_no_file(string id)
    {
        OutputFolder output = OutputFolder.Open(Path.Combine(_folder.Path, "out"));

        Assert.Contains("is no name below the output folder", Assert.Throws<IOException>(() => output.FileFor(id)).Message);
    }
}
