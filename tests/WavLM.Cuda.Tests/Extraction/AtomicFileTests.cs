using System.Security.Cryptography;
using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Tests.Extraction;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_name_appears_with_the_commit_and_the_hash_is_the_contents()
    {
        string path = _folder.File("a.npy");
        File.WriteAllText(path, "the old one");
        using (AtomicFile file = AtomicFile.Create(path))
        {
            file.Write("new "u8);
            file.Write("content"u8);
            Assert.Equal("the old one", File.ReadAllText(path));

            string hash = file.Commit();

            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("new content"u8)), hash);
        }
        Assert.Equal("new content", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Without_a_commit_nothing_stays()
    {
        using (AtomicFile file = AtomicFile.Create(_folder.File("a.npy"))) file.Write("half"u8);

        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void What_a_killed_run_left_is_overwritten()
    {
        string path = _folder.File("a.npy");
        File.WriteAllText(AtomicFile.TemporaryName(path), new string('x', 1000));

        using (AtomicFile file = AtomicFile.Create(path))
        {
            file.Write("short"u8);
            file.Commit();
        }

        Assert.Equal("short", File.ReadAllText(path));
    }

    [Fact]
    public void A_folder_that_is_not_there_cannot_be_flushed()
        => Assert.Contains("/nowhere: the folder can't be flushed to the disk: No such file or directory", Assert.Throws<IOException>(() => AtomicFile.FlushFolder("/nowhere")).Message);
}
