using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>Whole passes of Base's shape with random weights, samples in and the last layer out, in each precision; and PyTorch's, where it is.</summary>
internal static class TimingStage
{
    private const int WarmUp = 3, Runs = 7;

    public static int Run(Options options)
    {
        (int Utterances, int Seconds)[] workloads = options.Quick ? [(2, 1)] : [(1, 10), (1, 60), (16, 10)];
        EncoderConfig config = options.Quick ? Narrow : EncoderSizes.Base;
        string folder = Directory.CreateTempSubdirectory("gpu-check-").FullName;
        try
        {
            string model = Path.Combine(folder, "model");
            CheckpointInitializer.Write(config, 1, model);
            foreach (Precision precision in Enum.GetValues<Precision>())
            {
                Dictionary<string, double> ours = Time(model, precision, workloads);
                if (!options.Quick) Compare(ours, precision);
            }
            if (options.Quick) Console.WriteLine("against PyTorch: not run: this is the quick run");
            return StageExit.Passed;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>The median seconds of each workload.</returns>
    private static Dictionary<string, double> Time(string model, Precision precision, (int Utterances, int Seconds)[] workloads)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using SpeechEncoder encoder = SpeechEncoder.Load(model, new EncoderOptions { Device = Device.Cuda(), Precision = precision });
        string name = precision.CommandLineName();
        Console.WriteLine(Invariant($"{name}: loaded in {clock.Elapsed.TotalSeconds:0.00} s; {encoder.DeviceSet}"));
        Dictionary<string, double> medians = [];
        foreach ((int utterances, int seconds) in workloads)
        {
            double median = Median(encoder, utterances, seconds);
            medians[$"{utterances}x{seconds}"] = median;
            Console.WriteLine(Ladder.IsEmulated
                ? $"{name}: {utterances} utterances of {seconds} s went through; an emulated device's time says nothing"
                : Invariant($"{name}: {utterances} utterance{(utterances == 1 ? "" : "s")} of {seconds} s: {median * 1000:0.0} ms, {utterances * seconds / median:0} times real time"));
        }
        return medians;
    }

    // Base's structure at a width for the emulated device.
    private static EncoderConfig Narrow => EncoderSizes.Base with
    {
        Width = 64, Layers = 2, Heads = 2, FeedForwardWidth = 128, PositionalGroups = 4,
        ConvLayers = [.. EncoderSizes.Base.ConvLayers.Select(layer => layer with { Channels = 32 })],
    };

    private static double Median(SpeechEncoder encoder, int utterances, int seconds)
    {
        var random = new Random(1);
        Waveform[] batch = [.. Enumerable.Range(0, utterances).Select(i => new Waveform($"noise {i}", Noise(random, seconds * 16_000)))];
        LayerSelection last = LayerSelection.Parse("last", encoder.Config);
        var times = new List<double>();
        for (int i = 0; i < WarmUp + Runs; i++)
        {
            Stopwatch clock = Stopwatch.StartNew();
            _ = encoder.Encode(batch, last, CancellationToken.None);
            if (i >= WarmUp) times.Add(clock.Elapsed.TotalSeconds);
        }
        times.Sort();
        return times[times.Count / 2];
    }

    private static float[] Noise(Random random, int count)
    {
        var samples = new float[count];
        for (int i = 0; i < count; i++) samples[i] = 0.2f * (random.NextSingle() - 0.5f);
        return samples;
    }

    private static void Compare(Dictionary<string, double> ours, Precision precision)
    {
        using Stream script = typeof(TimingStage).Assembly.GetManifestResourceStream("torch_peer.py")!;
        using StreamReader reader = new(script);
        ProcessStartInfo start = new("python3", ["-c", reader.ReadToEnd(), precision.CommandLineName(), .. ours.Keys]) { RedirectStandardOutput = true };
        try
        {
            using Process python = Process.Start(start)!;
            while (python.StandardOutput.ReadLine() is { } line)
            {
                Console.WriteLine($"against PyTorch: {line}");
                if (line.Split(' ') is ["torch", var workload, var seconds] && ours.TryGetValue(workload, out double median) && double.TryParse(seconds, CultureInfo.InvariantCulture, out double theirs))
                    Console.WriteLine(Invariant($"against PyTorch: {precision.CommandLineName()}, {workload}: {theirs / median:0.00} times as fast"));
            }
            python.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.WriteLine("against PyTorch: not run: there is no python3 on PATH");
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
