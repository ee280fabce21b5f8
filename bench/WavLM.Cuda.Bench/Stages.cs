using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench;

/// <summary>A pass over one utterance of noise, operation by operation: the least seconds of several passes for each.</summary>
internal static class Stages
{
    private const int Passes = 9;

    public static int Run(string model, string precision, string threads, string seconds)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        using EncoderThread thread = new();
        return thread.Run(() => Run(
            checkpoint,
            Precisions.On(Device.Cpu, Precisions.Parse(precision), whyNotCuda: null),
            int.Parse(threads, CultureInfo.InvariantCulture),
            double.Parse(seconds, CultureInfo.InvariantCulture)));
    }

    private static int Run(Checkpoint checkpoint, Precision precision, int threads, double seconds)
    {
        using CpuBackend cpu = new(precision, threads);
        TimedBackend backend = new(cpu);
        using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
        var forward = new EncoderForward(checkpoint.Config, weights, backend);
        var normalization = new WaveformNormalization(Normalize: false, 1e-7, Center: checkpoint.Config.FrontEndNorm == FrontEndNorm.Group);
        var random = new Random(1);
        float[] noise = [.. Enumerable.Range(0, (int)(seconds * 16000)).Select(_ => (float)(random.NextDouble() - 0.5))];

        Dictionary<string, double> least = [];
        List<double> totals = [];
        for (int pass = 0; pass <= Passes; pass++)
        {
            backend.Reset();
            long begin = Stopwatch.GetTimestamp();
            PackedBatch? packed = null;
            backend.Time(() => packed = PackedBatch.Create([new Waveform("noise", noise)], checkpoint.Config, normalization, backend), "PackedBatch");
            using PackedBatch batch = packed!;
            forward.Run(batch, checkpoint.Config.Layers, finalNorm: true, static (_, _) => { }, CancellationToken.None);
            double total = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            if (pass == 0) continue;   // compiles, and warms the pool
            totals.Add(total);
            foreach ((string name, double time) in backend.Seconds.Append(new("whole pass", total))) least[name] = Math.Min(least.GetValueOrDefault(name, double.MaxValue), time);
        }

        foreach ((string name, double time) in least.OrderBy(entry => entry.Value)) Console.WriteLine($"{name,-24}{time * 1e3,9:0.0} ms");
        totals.Sort();
        Console.WriteLine($"median of whole passes    {totals[totals.Count / 2] * 1e3,7:0.0} ms");
        Console.WriteLine($"{precision.CommandLineName()}, {threads} threads, {seconds:g} s of audio: {seconds / least["whole pass"]:0}x real time; tensors peak at {cpu.Memory.PeakBytes / 1e6:0} MB");
        return 0;
    }
}
