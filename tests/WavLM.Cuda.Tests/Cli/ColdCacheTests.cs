using System.Diagnostics;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Cuda;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>The cache of compiled kernels as processes share it: empty, when many start at once; damaged, as disks leave files behind.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class ColdCacheTests(ColdCacheTests.OneRun one) : IClassFixture<ColdCacheTests.OneRun>, IDisposable
{
    private const int Header = 80;   // magic, length, key, hash of the payload
    private const int Processes = 16;

    private readonly TemporaryFolder _folder = new();

    /// <summary>Where an entry's first flipped byte is, or where its file ends: counted from the end where negative.</summary>
    public static TheoryData<string, int> Damages => new()
    {
        { "flipped", 0 }, { "flipped", 8 }, { "flipped", 16 }, { "flipped", Header - 1 }, { "flipped", Header }, { "flipped", -1 },
        { "cut", 0 }, { "cut", 8 }, { "cut", Header - 1 }, { "cut", Header }, { "cut", -1 },
    };

    private string Cache => Path.Combine(_folder.Path, "cache");

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Sixteen_processes_that_start_at_once_on_an_empty_cache_all_succeed()
    {
        one.Require();
        Process[] processes = [.. Enumerable.Range(0, Processes).Select(i => Start(Cache, Out(i)))];
        Wavlm.Finished[] runs = [.. processes.Select(static process => Wavlm.Finish(process))];

        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Error));
        Assert.All(Enumerable.Range(0, Processes), i => Assert.Equal(one.Features, Features(Out(i))));
        AssertHasEveryEntryOnce(Cache);
    }

    [SkippableTheory]
    [MemberData(nameof(Damages))]
    public void Damaged_entries_are_compiled_again_and_replaced(string how, int place)
    {
        one.Require();
        string entries = Directory.CreateDirectory(Entries(Cache)).FullName;
        foreach ((string name, byte[] entry) in one.Kernels)
        {
            int at = place < 0 ? entry.Length + place : place;
            byte[] damaged = how == "cut" ? entry[..at] : [.. entry];
            if (how == "flipped") damaged[at] ^= 0x10;
            File.WriteAllBytes(Path.Combine(entries, name), damaged);
        }

        Wavlm.Finished run = Wavlm.Finish(Start(Cache, Out(0)));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(one.Features, Features(Out(0)));
        AssertHasEveryEntryOnce(Cache);
    }

    private static string Entries(string cache) => Path.Combine(cache, "wavlm-cuda", "kernels");

    private static byte[] Features(string folder) => File.ReadAllBytes(Path.Combine(folder, "two-frames.npy"));

    private static Process Start(string cache, string output) => Wavlm.Start(
        [("WAVLM_CUDA_PATH", EmulatedDevice.Folder!), ("XDG_CACHE_HOME", cache)],
        "extract", "--device", "cuda", "--model", Fixture.Named("wavlm-tiny").ModelPath, "--layers", "all", "--out", output, Fixture.AudioPath("two-frames"));

    /// <summary>The same entries as after one process alone, whole, and nothing else: no temporary files.</summary>
    private void AssertHasEveryEntryOnce(string cache)
    {
        Assert.Equal(one.Kernels.Keys.Order(StringComparer.Ordinal), Directory.GetFiles(Entries(cache)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(one.Kernels, kernel => Assert.True(kernel.Value.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Entries(cache), kernel.Key))), $"{kernel.Key} is another one"));
    }

    private string Out(int number) => Path.Combine(_folder.Path, $"out-{number}");

    /// <summary>A process alone: the features, and what it leaves in the cache.</summary>
    public sealed class OneRun : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public OneRun()
        {
            if (EmulatedDevice.Folder is null) return;
            string cache = Path.Combine(_folder.Path, "cache"), output = Path.Combine(_folder.Path, "out");
            Wavlm.Finished run = Wavlm.Finish(Start(cache, output));
            Assert.True(run.ExitCode == 0, run.Error);
            Features = ColdCacheTests.Features(output);
            Kernels = Directory.GetFiles(Entries(cache)).ToDictionary(static path => Path.GetFileName(path), File.ReadAllBytes);
        }

        public byte[] Features { get; } = [];

        /// <summary>The cache's entries by name.</summary>
        public IReadOnlyDictionary<string, byte[]> Kernels { get; } = new Dictionary<string, byte[]>();

        public void Require()
        {
            _ = Needed.EmulatedDevice;
            Assert.True(Kernels.Count >= 10, $"{Kernels.Count} kernels were kept");
        }

        public void Dispose() => _folder.Dispose();
    }
}
