using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

[UnsupportedOSPlatform("windows")]
public sealed class KernelCacheTests : IDisposable
{
    private static readonly byte[] Key = SHA256.HashData("a kernel"u8);
    private static readonly byte[] Payload = [.. Enumerable.Range(0, 1000).Select(static i => (byte)(i * 7))];

    private readonly TemporaryFolder _home = new();
    private readonly List<string> _warnings = [];

    public void Dispose() => _home.Dispose();

    [Fact]
    public void What_was_written_is_read_by_the_next_process()
    {
        Open().Write(Key, Payload);
        Assert.Equal(Payload, Open().Read(Key));
        Assert.Null(Open().Read(SHA256.HashData("another kernel"u8)));
        Assert.Single(Directory.GetFiles(Open().Folder!));   // nothing temporary stays
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Open().Folder!));
    }

    [Fact]
    public void An_entry_with_any_bit_flipped_is_a_miss()
    {
        KernelCache cache = Open();
        cache.Write(Key, Payload);
        string path = cache.PathOf(Key);
        byte[] entry = File.ReadAllBytes(path);
        for (int i = 0; i < entry.Length; i++)
        {
            entry[i] ^= (byte)(1 << i % 8);
            File.WriteAllBytes(path, entry);
            Assert.True(cache.Read(Key) is null, $"byte {i}");
            entry[i] ^= (byte)(1 << i % 8);
        }
        File.WriteAllBytes(path, entry);
        Assert.Equal(Payload, cache.Read(Key));
    }

    [Fact]
    public void An_entry_cut_short_or_grown_is_a_miss_and_the_next_write_replaces_it()
    {
        KernelCache cache = Open();
        cache.Write(Key, Payload);
        string path = cache.PathOf(Key);
        byte[] entry = File.ReadAllBytes(path);
        for (int length = 0; length < entry.Length; length += length < 100 ? 1 : 97)
        {
            File.WriteAllBytes(path, entry[..length]);
            Assert.True(cache.Read(Key) is null, $"{length} bytes");
        }
        File.WriteAllBytes(path, [.. entry, 0]);
        Assert.Null(cache.Read(Key));
        cache.Write(Key, Payload);
        Assert.Equal(Payload, cache.Read(Key));
    }

    [Fact]
    public void An_entry_under_another_key_is_a_miss()
    {
        KernelCache cache = Open();
        cache.Write(Key, Payload);
        byte[] other = SHA256.HashData("another kernel"u8);
        File.Copy(cache.PathOf(Key), cache.PathOf(other));
        Assert.Null(cache.Read(other));
    }

    [Theory]
    [InlineData("wavlm-cuda", UnixFileMode.GroupWrite)]
    [InlineData("wavlm-cuda/kernels", UnixFileMode.GroupWrite)]
    [InlineData("wavlm-cuda/kernels", UnixFileMode.OtherWrite)]
    public void A_folder_that_others_may_write_to_is_refused_with_one_line(string folder, UnixFileMode mode)
    {
        Open().Write(Key, Payload);
        string path = Path.Combine(_home.Path, folder);
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | mode);
        KernelCache cache = Open();
        Assert.Null(cache.Folder);
        Assert.Null(cache.Read(Key));
        cache.Write(Key, Payload);
        string warning = Assert.Single(_warnings);
        Assert.StartsWith($"{path}: others than its owner may write to it", warning, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', warning);
    }

    [SkippableTheory]
    [InlineData("wavlm-cuda")]
    [InlineData("wavlm-cuda/kernels")]
    public void A_folder_of_another_user_is_refused_with_one_line(string folder)
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "only root gives a folder to another");
        Open().Write(Key, Payload);
        string path = Path.Combine(_home.Path, folder);
        using (Process chown = Process.Start("chown", ["1", path])) chown.WaitForExit();
        Assert.Null(Open().Folder);
        Assert.StartsWith($"{path}: it belongs to another user", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_is_where_the_XDG_specification_wants_it()
    {
        string home = Directory.CreateDirectory(_home.File("home")).FullName, xdg = _home.File("xdg");
        Assert.Equal(Path.Combine(xdg, "wavlm-cuda", "kernels"), KernelCache.Of(xdg, home, _warnings.Add).Folder);
        Assert.Equal(Path.Combine(home, ".cache", "wavlm-cuda", "kernels"), KernelCache.Of(null, home, _warnings.Add).Folder);
        Assert.Equal(Path.Combine(home, ".cache", "wavlm-cuda", "kernels"), KernelCache.Of("relative", home, _warnings.Add).Folder);
        Assert.Null(KernelCache.Of(null, null, _warnings.Add).Folder);
        Assert.Null(KernelCache.Of("", _home.File("nobody"), _warnings.Add).Folder);
        Assert.False(Directory.Exists(_home.File("nobody")));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void A_home_that_is_no_folder_means_no_cache()
    {
        string file = _home.File("file");
        File.WriteAllText(file, "");
        KernelCache cache = KernelCache.Open(Path.Combine(file, ".cache"), _warnings.Add);
        Assert.Null(cache.Read(Key));
        cache.Write(Key, Payload);
        Assert.Empty(_warnings);
    }

    [Fact]
    public void A_folder_that_goes_away_costs_nothing_but_time()
    {
        KernelCache cache = Open();
        Directory.Delete(cache.Folder!, recursive: true);
        cache.Write(Key, Payload);
        Assert.Null(cache.Read(Key));
    }

    [Fact]
    public void Many_writers_of_one_entry_leave_a_whole_one()
    {
        Parallel.For(0, 64, _ =>
        {
            KernelCache cache = Open();
            cache.Write(Key, Payload);
            Assert.Equal(Payload, cache.Read(Key));
        });
        Assert.Single(Directory.GetFiles(Open().Folder!));
    }

    private KernelCache Open() => KernelCache.Open(_home.Path, _warnings.Add);
}
