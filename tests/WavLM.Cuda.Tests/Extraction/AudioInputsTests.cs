using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Tests.Extraction;

public sealed class AudioInputsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_named_by_its_stem_and_a_folders_file_by_its_path_below_it()
    {
        foreach (string name in (string[])["b/z.wav", "b/inner/a.FLAC", "b/a.b.mp3", "b/notes.txt", "b/.hidden.wav", "b/Z.ogg", "one.two.wav"]) Touch(name);

        IReadOnlyList<AudioInput> inputs = AudioInputs.Find([At("one.two.wav"), At("b/")]);

        Assert.Equal(["one.two", "Z", "a.b", "inner/a", "z"], inputs.Select(i => i.Id));
        Assert.Equal([At("one.two.wav"), At("b/Z.ogg"), At("b/a.b.mp3"), At("b/inner/a.FLAC"), At("b/z.wav")], inputs.Select(i => i.Source));
        Assert.All(inputs, i => Assert.Null(i.Error));
    }

    [Fact]
    public void What_cannot_be_used_is_named_and_the_rest_stays()
    {
        Touch("good.wav");
        Touch("list.tsv");
        Touch("noext");
        Directory.CreateDirectory(At("silence/inner"));
        Touch("silence/inner/readme.md");

        IReadOnlyList<AudioInput> inputs = AudioInputs.Find([At("missing.wav"), At("good.wav"), At("list.tsv"), At("noext"), At("silence")]);

        Assert.Equal(["missing", "good", "list", "noext", At("silence")], inputs.Select(i => i.Id));
        Assert.Equal("no such file or folder", inputs[0].Error);
        Assert.Null(inputs[1].Error);
        Assert.Contains("found the extension '.tsv', expected .wav, .flac, .ogg", inputs[2].Error);
        Assert.Contains("found the extension ''", inputs[3].Error);
        Assert.Contains("a folder without audio; expected files that end in .wav", inputs[4].Error);
    }

    [Fact]
    public void Equal_ids_are_refused_with_both_sources()
    {
        Touch("a/x.wav");
        Touch("b/x.flac");

        string message = Assert.Throws<ExtractionException>(() => AudioInputs.Find([At("a"), At("b/x.flac")])).Message;

        Assert.Contains($"the id 'x' is found twice, for {At("a/x.wav")} and {At("b/x.flac")}", message);
    }

    [Fact]
    public void A_link_back_to_a_folder_above_ends()
    {
        Touch("a/x.wav");
        Directory.CreateSymbolicLink(At("a/loop"), At("a"));
        Directory.CreateDirectory(At("elsewhere"));
        Touch("elsewhere/y.wav");
        Directory.CreateSymbolicLink(At("a/linked"), At("elsewhere"));

        Assert.Equal(["linked/y", "x"], AudioInputs.Find([At("a")]).Select(i => i.Id));
    }

    private string At(string name) => Path.Combine(_folder.Path, name);

    private void Touch(string name) => File.WriteAllBytes(_folder.File(name), []);
}
