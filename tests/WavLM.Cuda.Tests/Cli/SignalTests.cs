using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Extraction;

namespace WavLM.Cuda.Tests.Cli;

public sealed class SignalTests : IClassFixture<TinyModel>, IDisposable
{
    private const int SIGINT = 2, SIGKILL = 9, SIGTERM = 15;
    private const int Inputs = 4_000;

    private readonly TinyModel _tiny;
    private readonly TemporaryFolder _folder = new();

    public SignalTests(TinyModel tiny)
    {
        _tiny = tiny;
        string one = Recordings.WriteFloat(_folder.File("one.wav"), Recordings.Sine(300, 16_000, 16_000));
        Directory.CreateDirectory(In);
        for (int i = 0; i < Inputs; i++) File.CreateSymbolicLink(Path.Combine(In, $"{i:0000}.wav"), one);
    }

    private string In => Path.Combine(_folder.Path, "in");

    private string Out => Path.Combine(_folder.Path, "out");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SIGINT, 130)]
    [InlineData(SIGTERM, 143)]
    public void A_signal_ends_the_run_in_order(int signal, int exitCode)
    {
        Process process = StartAndWaitForRows();
        Wavlm.Signal(process, signal);
        Wavlm.Finished run = Wavlm.Finish(process);

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains("stopped: ", run.Error);
        string[] written = AssertWhole();
        Assert.InRange(written.Length, 1, Inputs - 1);
        Assert.Equal(Directory.GetFiles(Out, "*.npy").Select(Path.GetFileName).Order(StringComparer.Ordinal), written);
        Assert.Empty(Directory.GetFiles(Out, "*.tmp"));
    }

    [Fact]
    public void A_kill_at_any_moment_leaves_whole_files_and_rows()
    {
        for (int attempt = 0; attempt < 3; attempt++)
        {
            Process process = StartAndWaitForRows();
            Thread.Sleep(40 * attempt);
            Wavlm.Signal(process, SIGKILL);
            Assert.Equal(128 + SIGKILL, Wavlm.Finish(process).ExitCode);

            AssertWhole();
        }
    }

    [Fact]
    public void A_second_signal_ends_at_once()
    {
        // The writer waits for ever on a pipe that nobody reads, so the first signal alone can't end the run. 0000 and 0001 are
        // in one batch: once the one is there, the other is being written whatever comes.
        Directory.CreateDirectory(Out);
        using (Process mkfifo = Process.Start("mkfifo", [Path.Combine(Out, ".0001.npy.tmp")])) mkfifo.WaitForExit();
        Process process = Start();
        WaitFor(() => File.Exists(Path.Combine(Out, "0000.npy")), process);

        Wavlm.Signal(process, SIGINT);
        Assert.False(process.WaitForExit(TimeSpan.FromSeconds(1)), "the first signal waits for what is being written");
        Wavlm.Signal(process, SIGTERM);
        Stopwatch watch = Stopwatch.StartNew();

        Assert.Equal(143, Wavlm.Finish(process).ExitCode);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 1);
    }

    private Process StartAndWaitForRows()
    {
        if (Directory.Exists(Out)) Directory.Delete(Out, recursive: true);
        Process process = Start();
        string manifest = Path.Combine(Out, "manifest.jsonl");
        WaitFor(() => File.Exists(manifest) && new FileInfo(manifest).Length > 0, process);
        return process;
    }

    private Process Start() => Wavlm.Start("extract", "--device", "cpu", "--model", _tiny.Model, "--out", Out, "--threads", "1", In);

    private static void WaitFor(Func<bool> condition, Process process)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); !condition(); Thread.Sleep(1))
        {
            if (process.HasExited) throw new InvalidOperationException($"wavlm ended early: {Wavlm.Finish(process)}");
            if (watch.Elapsed > TimeSpan.FromMinutes(1))
            {
                process.Kill();
                throw new TimeoutException("no output after a minute");
            }
        }
    }

    /// <summary>Every row and every feature file is complete; the files that rows name, in order.</summary>
    private string[] AssertWhole()
    {
        foreach (string file in Directory.GetFiles(Out, "*.npy")) Assert.Equal([49, 64], Npy.Read(file).Shape);
        string text = File.ReadAllText(Path.Combine(Out, "manifest.jsonl"));
        Assert.EndsWith("}\n", text);
        List<string> outputs = [];
        foreach (string line in text.TrimEnd('\n').Split('\n'))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string output = row.RootElement.GetProperty("output").GetString()!;
            string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Out, output))));
            Assert.Equal(hash, row.RootElement.GetProperty("sha256").GetString());
            outputs.Add(output);
        }
        Assert.Equal(outputs.Order(StringComparer.Ordinal), outputs);
        return [.. outputs];
    }
}
