using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Tests.Audio;
using WavLM.Cuda.Tests.Cli;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.Encoder;

public sealed class MemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void A_warmed_up_pass_takes_no_memory_and_gives_back_all_it_used()
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Fixture.Named("wavlm-base").ModelPath, new EncoderOptions { Device = Device.Cpu });
        LayerSelection last = LayerSelection.Parse("last", encoder.Config);
        nint weights = ((CpuBackend)encoder.Backend).Memory.BytesInUse;
        Waveform[] batch = BatchInvariance.Noise([16_000, 47_000, 160_000], seed: 21);
        encoder.Encode(batch, last, CancellationToken.None);
        Assert.Equal(weights, ((CpuBackend)encoder.Backend).Memory.BytesInUse);

        long warm = ((CpuBackend)encoder.Backend).Memory.Allocations;
        for (int pass = 0; pass < 5; pass++) encoder.Encode(batch, last, CancellationToken.None);
        Assert.Equal(warm, ((CpuBackend)encoder.Backend).Memory.Allocations);
    }

    [Fact]
    public void A_cancelled_pass_gives_back_all_it_used_and_the_next_one_is_bit_exact()
    {
        using SpeechEncoder encoder = SpeechEncoder.Load(Fixture.Named("wavlm-base").ModelPath, new EncoderOptions { Device = Device.Cpu });
        LayerSelection all = LayerSelection.Parse("all", encoder.Config);
        Waveform[] batch = BatchInvariance.Noise([400_000, 30_000], seed: 22);
        Features[] expected = encoder.Encode(batch, all, CancellationToken.None);
        nint weights = ((CpuBackend)encoder.Backend).Memory.BytesInUse;
        int cancelled = 0;
        foreach (double share in (double[])[0, 0.1, 0.3, 0.6])
        {
            Stopwatch pass = Stopwatch.StartNew();
            encoder.Encode(batch, all, CancellationToken.None);
            using CancellationTokenSource source = new();
            if (share == 0) source.Cancel();
            else source.CancelAfter(pass.Elapsed * share);
            try
            {
                encoder.Encode(batch, all, source.Token);
            }
            catch (OperationCanceledException)
            {
                cancelled++;
            }
            Assert.Equal(weights, ((CpuBackend)encoder.Backend).Memory.BytesInUse);
        }
        Assert.True(cancelled > 0, "no pass was cancelled");
        Features[] after = encoder.Encode(batch, all, CancellationToken.None);
        for (int i = 0; i < batch.Length; i++) Assert.Null(BatchInvariance.Difference(expected[i], after[i]));
    }

    [Fact]
    public void Memory_is_linear_in_time_at_full_size() => AssertLinear(seconds: 100, mostBytes: 900_000_000);

    [Fact]
    [Trait("Category", "Long")]
    public void Five_minutes_through_Base_peak_under_one_and_a_half_gigabytes_and_memory_is_linear_in_time() => AssertLinear(seconds: 300, mostBytes: 1_500_000_000);

    private void AssertLinear(int seconds, long mostBytes)
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(folder.Path, "model");
        CheckpointInitializer.Write(EncoderSizes.Base, seed: 6, model);
        long[] peaks = [.. new[] { seconds / 4, seconds / 2, seconds }.Select(length => PeakOfExtract(folder, model, length))];
        output.WriteLine(string.Join(", ", peaks.Select(bytes => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0} MB"))));
        Assert.InRange(peaks[2], 1, mostBytes);
        // Linear: twice the step in time costs twice the memory, give or take what the runtime keeps for itself.
        Assert.InRange(peaks[2] - peaks[1], 0, 2 * (peaks[1] - peaks[0]) + 60_000_000);
    }

    private static long PeakOfExtract(TemporaryFolder folder, string model, int seconds)
    {
        var random = new Random(seconds);
        short[] noise = [.. Enumerable.Range(0, seconds * 16_000).Select(_ => (short)random.Next(-8000, 8000))];
        string audio = Recordings.WriteInt16(folder.File($"{seconds}.wav"), noise);
        using Process process = Wavlm.Start("extract", "--device", "cpu", "--model", model, "--out", Path.Combine(folder.Path, $"features-{seconds}"), "--precision", "fp32", audio);
        long peak = 0;
        while (!process.WaitForExit(20)) peak = Math.Max(peak, PeakOf(process.Id));
        Assert.Equal(0, process.ExitCode);
        return peak;
    }

    /// <summary>VmHWM: the most memory the process ever held. 0 once it is gone.</summary>
    private static long PeakOf(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
