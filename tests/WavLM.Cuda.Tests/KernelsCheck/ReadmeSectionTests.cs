using WavLM.Cuda.KernelsCheck;

namespace WavLM.Cuda.Tests.KernelsCheck;

public sealed class ReadmeSectionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_between_the_markers_is_replaced_and_nothing_else()
    {
        string file = FileOf("before\n" + ReadmeSection.Begin + "old\n" + ReadmeSection.End + "behind\n");
        Assert.Equal("old\n", new ReadmeSection(file).Text);
        new ReadmeSection(file).Write("new\nlines\n");
        Assert.Equal("before\n" + ReadmeSection.Begin + "new\nlines\n" + ReadmeSection.End + "behind\n", File.ReadAllText(file));
    }

    [Theory]
    [InlineData("no marker\n")]
    [InlineData(ReadmeSection.Begin)]
    [InlineData(ReadmeSection.End + ReadmeSection.Begin)]
    [InlineData(ReadmeSection.Begin + ReadmeSection.End + ReadmeSection.Begin)]
    [InlineData(ReadmeSection.Begin + ReadmeSection.End + ReadmeSection.End)]
    public void Markers_that_are_not_there_once_each_are_an_error_and_the_file_stays(string text)
    {
        string file = FileOf(text);
        Assert.Throws<InvalidDataException>(() => new ReadmeSection(file).Text);
        Assert.Throws<InvalidDataException>(() => new ReadmeSection(file).Write("new"));
        Assert.Equal(text, File.ReadAllText(file));
    }

    private string FileOf(string text)
    {
        string file = _folder.File("README.md");
        File.WriteAllText(file, text);
        return file;
    }
}
