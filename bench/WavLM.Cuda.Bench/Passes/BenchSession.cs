using System.Globalization;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>What to measure a model with.</summary>
/// <param name="Model">The checkpoint.</param>
/// <param name="Device">Where.</param>
/// <param name="Precision">Null for the device's own.</param>
/// <param name="Threads">On the CPU.</param>
/// <param name="Json">Where every time goes; or null.</param>
internal sealed record BenchRequest(string Model, Device Device, Precision? Precision, int Threads, string? Json);

/// <summary>A loaded model on a device whose ceilings are known.</summary>
internal sealed class BenchSession : IDisposable
{
    private const string EmulatedNote = "the device is emulated: its times say nothing about any GPU";

    private readonly BenchRequest _request;
    private readonly SpeechEncoder _encoder;
    private readonly string _model;
    private readonly IReadOnlyList<Ceiling> _ceilings;
    private readonly Machine _machine;

    private BenchSession(BenchRequest request, SpeechEncoder encoder, IReadOnlyList<Ceiling> ceilings)
    {
        (_request, _encoder, _ceilings) = (request, encoder, ceilings);
        _model = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(request.Model)));
        _machine = MachineFacts.Of(encoder, request.Threads);
    }

    /// <summary>Loads that tell most on this device.</summary>
    public IReadOnlyList<string> UsualLoads => _machine.Emulated ? ["1x1", "3x0.5"] : _encoder.Device.IsCuda ? ["1x10", "64x15", "mixed", "hour"] : ["1x10", "8x10"];

    /// <summary>Measures the ceilings, then loads the model.</summary>
    /// <exception cref="CheckpointException">It is not a checkpoint this version reads.</exception>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it can't compute in this precision.</exception>
    public static BenchSession Open(BenchRequest request, Action<string> warn)
    {
        Device device = request.Device.Resolve(out string? whyNotCuda);
        if (whyNotCuda is not null) warn($"computing on the CPU: {whyNotCuda}");
        Precision precision = Precisions.On(device, request.Precision, whyNotCuda);
        device.RequireUsable();
        using EncoderThread thread = new();
        IReadOnlyList<Ceiling> ceilings = thread.Run(() => Ceilings.Measure(precision, of => device.IsCuda
            ? new CudaBenchDevice(CudaBackend.Open(device.Ordinal, of, warn))
            : new CpuBenchDevice(new CpuBackend(of, request.Threads))));
        return new(request, SpeechEncoder.Load(request.Model, new EncoderOptions { Device = device, Precision = precision, Threads = request.Threads, Warn = warn }), ceilings);
    }

    /// <summary>Whole passes of each load.</summary>
    /// <param name="loads">One after the other.</param>
    /// <param name="runs">Passes to time of each.</param>
    /// <param name="withOwnAlgorithms">Whether to time once more with the matrix library's choice for each load's own rows.</param>
    /// <param name="to">Gets the table.</param>
    /// <exception cref="BenchException">That choice is CUDA's alone.</exception>
    public BenchResults Encode(IReadOnlyList<Load> loads, int runs, bool withOwnAlgorithms, TextWriter to)
    {
        if (withOwnAlgorithms && !_encoder.Device.IsCuda) throw new BenchException("--own-algorithms: on the CPU nothing is chosen by rows; leave it out");
        WriteHeading(to);
        EncodeBenchmark benchmark = new(_encoder, _model, runs);
        List<Measurement> passes = [];
        foreach (Load load in loads)
        {
            passes.Add(benchmark.Measure(load));
            EncodeTable.Write(to, passes[^1], _ceilings);
            if (!withOwnAlgorithms || passes[^1].NotTimed is not null) continue;
            passes.Add(MeasureWithOwnAlgorithms(load, runs));
            EncodeTable.Write(to, passes[^1], _ceilings);
            if (passes[^1].NotTimed is null)
                to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"one choice for all batches takes {Statistics.Median(passes[^2].Seconds) / Statistics.Median(passes[^1].Seconds):0.000} times as long"));
        }
        WriteClosing(to);
        return Results("encode", passes);
    }

    /// <summary>From FLAC files to feature files.</summary>
    public BenchResults Files(Load load, int runs, double? batchSeconds, IReadOnlyList<string> recordings, TextWriter to)
    {
        string folder = Directory.CreateTempSubdirectory("wavlm-bench-").FullName;
        try
        {
            FilesBenchmark benchmark = new(_encoder, _model, folder, batchSeconds ?? ExtractionRun.UsualBatchSeconds(_encoder.Device), runs);
            benchmark.WriteCorpus(recordings, load.Samples);
            WriteHeading(to);
            Measurement files = benchmark.Measure();
            EncodeTable.Write(to, files, _ceilings);
            WriteClosing(to);
            return Results("files", [files]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose() => _encoder.Dispose();

    private Measurement MeasureWithOwnAlgorithms(Load load, int runs)
    {
        int rows = (int)load.Samples.Sum(samples => _encoder.Config.Frames(samples));
        try
        {
            using SpeechEncoder encoder = SpeechEncoder.Load(_request.Model, new EncoderOptions { Device = _encoder.Device, Precision = _encoder.Precision, ReferenceRows = rows });
            return new EncodeBenchmark(encoder, _model, runs, EncodeBenchmark.WithItsOwnAlgorithms).Measure(load);
        }
        catch (DeviceMemoryException e)
        {
            // Its weights are on the device a second time.
            return new("encode", EncodeBenchmark.WithItsOwnAlgorithms, $"{_model} {load.Name}", _encoder.Precision.CommandLineName()) { NotTimed = e.Message };
        }
    }

    private BenchResults Results(string command, IReadOnlyList<Measurement> measurements)
        => new(command, MachineFacts.Now, _machine)
        {
            Ceilings = _ceilings,
            Measurements = measurements,
            Notes = _machine.Emulated ? [EmulatedNote] : [],
        };

    private void WriteHeading(TextWriter to)
    {
        to.WriteLine(_encoder.DeviceSet);
        foreach (Ceiling ceiling in _ceilings) to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ceiling.Name}: {ceiling.PerSecond / 1e9:N1} G{ceiling.Unit}/s"));
        WriteClosing(to);
    }

    private void WriteClosing(TextWriter to)
    {
        if (_machine.Emulated) to.WriteLine(EmulatedNote);
    }
}
