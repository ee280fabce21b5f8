using System.Diagnostics;
using System.Security.Cryptography;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>The cache of compiled kernels as processes share it: a cluster's nodes start at once, on one home folder.</summary>
public sealed class ColdCacheTests : IClassFixture<TinyModel>, IDisposable
{
    private readonly TinyModel _tiny;
    private readonly TemporaryFolder _folder = new();
    private readonly string _audio;

    public ColdCacheTests(TinyModel tiny)
    {
        _tiny = tiny;
        _audio = Recordings.WriteFloat(_folder.File("audio.wav"), Inputs.Normal(1000, seed: 1, deviation: 0.1));
    }

    private string Kernels => Path.Combine(_folder.Path, "cache", "wavlm-cuda", "kernels");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sixteen_processes_that_start_on_a_cold_cache_at_once_all_succeed()
    {
        Process[] processes = [.. Enumerable.Range(0, 16).Select(Start)];
        foreach (Process process in processes) Assert.Equal((0, ""), Outcome(process));
        Assert.Single(Enumerable.Range(0, 16).Select(HashOf).Distinct());
        string[] entries = Directory.GetFiles(Kernels);
        Assert.NotEmpty(entries);
        Assert.DoesNotContain(entries, static entry => entry.EndsWith(".tmp", StringComparison.Ordinal));

        // Damaged entries are compiled again and replaced, whether or not the driver would have noticed.
        byte[][] whole = [.. entries.Select(File.ReadAllBytes)];
        for (int i = 0; i < entries.Length; i++)
        {
            byte[] damaged = [.. whole[i]];
            damaged[(int)((long)damaged.Length * i / entries.Length)] ^= 1;
            File.WriteAllBytes(entries[i], i % 2 == 0 ? damaged : whole[i][..^(i + 1)]);
        }
        Assert.Equal((0, ""), Outcome(Start(16)));
        Assert.Equal(HashOf(0), HashOf(16));
        Assert.Equal(whole, entries.Select(File.ReadAllBytes));
    }

    private Process Start(int number)
    {
        ProcessStartInfo start = new(Wavlm.Command, ["extract", "--model", _tiny.Model, "--device", "cuda", "--out", Output(number), _audio]) { RedirectStandardError = true };
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(_folder.Path, "cache");
        start.Environment["WAVLM_CUDA_PATH"] = EmulatedDevice.Folder;
        return Process.Start(start)!;
    }

    /// <summary>Its exit code, and what it said where that is not 0.</summary>
    private static (int, string) Outcome(Process process)
    {
        using (process)
        {
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, process.ExitCode == 0 ? "" : error);
        }
    }

    private string Output(int number) => Path.Combine(_folder.Path, $"out-{number}");

    private string HashOf(int number) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(Output(number), "audio.npy"))));
}
