using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>
/// Whole passes over noise, from waveforms in memory to the last layer in memory, as a user's program calls them; in between passes
/// with a mark around each operation, for the time by stage. The marks cost a little, and recorded layers run one by one there: so the
/// first kind tells how long a pass takes, the second where the time goes.
/// </summary>
/// <param name="encoder">The model.</param>
/// <param name="model">Its name in the results.</param>
/// <param name="runs">Passes to time of each load.</param>
/// <param name="name">What is measured.</param>
internal sealed class EncodeBenchmark(SpeechEncoder encoder, string model, int runs, string name = EncodeBenchmark.Usual)
{
    public const string Usual = "encode";

    /// <summary>With matrix algorithms that were chosen for the batch's own rows, and not for all batches.</summary>
    public const string WithItsOwnAlgorithms = "encode with algorithms of its own";

    private const int WarmUp = 2, LeastRuns = 3, StagedRuns = 3;

    // Of a load. On a CPU an hour takes minutes.
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(30);

    // What is not an operation: samples to the device, features to the host and into their arrays.
    private const string HostAndCopies = "host and copies";

    private readonly LayerSelection _last = LayerSelection.Parse("last", encoder.Config);

    /// <summary>Times one load.</summary>
    public Measurement Measure(Load load)
    {
        Measurement measurement = new("encode", name, $"{model} {load.Name}", encoder.Precision.CommandLineName())
        {
            Shape = string.Create(CultureInfo.InvariantCulture, $"{load.Samples.Count} utterances, {load.Samples.Sum(samples => encoder.Config.Frames(samples)):N0} frames"),
            AudioSeconds = load.AudioSeconds,
        };
        Waveform[] waveforms = load.Waveforms();
        try
        {
            (double[] seconds, IReadOnlyList<KeyValuePair<string, double>>[] staged) = Time(waveforms);
            IReadOnlyList<StageTime> stages = Stages(load, staged, Statistics.Median(seconds));
            return measurement with
            {
                Seconds = seconds, Stages = stages, Bytes = stages.Sum(static stage => stage.Bytes), Flops = stages.Sum(static stage => stage.Flops),
                Ceiling = EncoderWork.CeilingOf(encoder.Precision), PeakBytes = PeakBytes,
            };
        }
        catch (DeviceMemoryException e)
        {
            return measurement with { NotTimed = e.Message };
        }
    }

    private double PeakBytes => encoder.Run((backend, _, _) => backend switch
    {
        Backends.Cuda.CudaBackend cuda => (double)cuda.Memory.PeakBytes,
        Backends.Cpu.CpuBackend cpu => cpu.Memory.PeakBytes,
        _ => throw new UnreachableException(),
    });

    /// <summary>Whole passes and, in between while there are any, passes stage by stage: what else the machine does meets both.</summary>
    private (double[] Whole, IReadOnlyList<KeyValuePair<string, double>>[] Staged) Time(Waveform[] waveforms)
    {
        Stopwatch all = Stopwatch.StartNew();
        List<double> whole = [];
        List<IReadOnlyList<KeyValuePair<string, double>>> staged = [];
        for (int i = -WarmUp; i < runs; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            _ = encoder.Encode(waveforms, _last, CancellationToken.None);
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            if (i >= 0) whole.Add(seconds);
            if (i is -1 or (>= 0 and < StagedRuns)) staged.Add(StagedPass.Time(encoder, waveforms));
            if (whole.Count >= LeastRuns && all.Elapsed > LongestTime) break;
        }
        return ([.. whole], [.. staged.Skip(1)]);
    }

    private IReadOnlyList<StageTime> Stages(Load load, IReadOnlyList<KeyValuePair<string, double>>[] staged, double whole)
    {
        KeyValuePair<string, double>[] measured = [.. staged[0].Select((stage, i) => KeyValuePair.Create(stage.Key, Statistics.Median([.. staged.Select(pass => pass[i].Value)])))];
        Dictionary<string, StageWork> work = EncoderWork.Of(encoder.Config, load.Samples, encoder.Precision).ToDictionary(static stage => stage.Stage);
        double rest = whole - measured.Sum(static stage => stage.Value);
        return
        [
            .. measured.Select(stage => work.TryGetValue(stage.Key, out StageWork? least)
                ? new StageTime(stage.Key, stage.Value) { Bytes = least.Bytes, Flops = least.Flops, Ceiling = least.Ceiling }
                : new StageTime(stage.Key, stage.Value)),
            new StageTime(HostAndCopies, Math.Max(0, rest)),
        ];
    }
}
