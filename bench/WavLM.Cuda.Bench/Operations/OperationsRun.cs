using System.Globalization;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>
/// Verifies and times benchmarks. They take turns, round after round over all that fit in memory together: a machine that
/// becomes slower meanwhile shows in everybody's spread, and in nobody's median alone. On one thread.
/// </summary>
/// <param name="request">Which benchmarks.</param>
/// <param name="open">Makes the device in a precision.</param>
/// <param name="threads">Of the CPU backend.</param>
internal sealed class OperationsRun(OperationsRequest request, Func<Precision, BenchDevice> open, int threads) : IDisposable
{
    private readonly Dictionary<Precision, BenchDevice> _devices = [];
    private readonly List<Ceiling> _ceilings = [];
    private readonly List<Measurement> _measurements = [];
    private readonly List<string> _notes = [];
    private int _samples, _disturbed;

    /// <summary>Benchmarks that computed something else than their formula, or failed otherwise.</summary>
    public int Failed { get; private set; }

    /// <exception cref="BenchException">There is nothing to run.</exception>
    /// <exception cref="DeviceLostException">The device died.</exception>
    public BenchResults Run()
    {
        double load = MachineFacts.LoadAverage;
        List<Pending> pending = Find();
        BenchDevice first = pending[0].Device;
        var random = new RandomValues(first.Emulated ? RandomValues.EightsOnEmulated : RandomValues.UsualEights, seed: 20);
        while (pending.Count > 0) RunTogether(pending, random);
        Note(first);
        return new(request.Group, MachineFacts.Now, MachineFacts.Of(first.Name, first.Backend.DeviceSet, threads, first.Emulated) with { LoadAverage = load })
        { Ceilings = _ceilings, Measurements = _measurements, Notes = _notes, Disturbed = first.SecondsWaited is null || _samples == 0 ? null : (double)_disturbed / _samples };
    }

    public void Dispose()
    {
        foreach (BenchDevice device in _devices.Values) device.Dispose();
    }

    /// <summary>The benchmarks that are asked for, behind the ceilings that they are held against.</summary>
    private List<Pending> Find()
    {
        List<Pending> found = [], all = [];
        foreach (Precision precision in request.Precisions)
        {
            if (Open(precision) is not { } device) continue;
            // All at once, side by side; of a few benchmarks each has its own soon enough.
            if (request.Filter is null) OperationTable.Prepare(device);
            all.AddRange(OperationTable.Of(device, request.Shapes).Select(operation => new Pending(device, operation, precision, IsCeiling: false)));
        }
        found.AddRange(all.Where(pending => request.Filter?.IsMatch(pending.Operation.Title) ?? true));
        if (found.Count == 0)
            throw new BenchException($"no benchmark's name and case match {request.Filter}; the names are {string.Join(", ", all.Select(pending => pending.Operation.Name).Distinct())}");
        List<Pending> ceilings = [new(found[0].Device, Ceilings.Copy(found[0].Device), found[0].Precision, IsCeiling: true)];
        foreach (Precision precision in Enum.GetValues<Precision>())
        {
            if (found.Any(pending => pending.Operation.Work.Ceiling == Work.Gemm + precision.CommandLineName()) && Open(precision) is { } device)
                ceilings.Add(new(device, Ceilings.Gemm(device), precision, IsCeiling: true));
        }
        return [.. ceilings, .. found];
    }

    // Of several precisions one may be missing: bfloat16 on a CPU without AVX-512.
    private BenchDevice? Open(Precision precision)
    {
        if (_devices.TryGetValue(precision, out BenchDevice? device)) return device;
        try
        {
            device = open(precision);
        }
        catch (PlatformNotSupportedException e) when (request.Precisions.Count > 1)
        {
            _notes.Add($"{precision.CommandLineName()} left out: {e.Message}");
            return null;
        }
        _devices.Add(precision, device);
        return device;
    }

    /// <summary>Takes as many as fit in memory off the list, and runs them.</summary>
    private void RunTogether(List<Pending> pending, RandomValues random)
    {
        List<(Pending Pending, TimedOperation Timed)> ready = [];
        List<(Pending Pending, Measurement Measurement)> done = [];
        try
        {
            double budget = pending[0].Device.MemoryBudget;
            int taken = 0;
            for (double bytes = 0; taken < pending.Count; taken++)
            {
                Pending next = pending[taken];
                bytes += next.Operation.Work.Bytes * TimedOperation.SetsOf(next.Operation, next.Device);
                if (taken > 0 && bytes > budget) break;
                if (Prepare(next, random) is { } timed) ready.Add((next, timed));
            }
            pending.RemoveRange(0, taken);
            foreach ((_, TimedOperation timed) in ready) timed.Settle();
            (int rounds, int samples) = ready.Count == 0 ? default : RoundsOn(ready[0].Pending.Device);
            for (int round = 0; round < rounds; round++)
            {
                foreach ((_, TimedOperation timed) in ready) timed.Measure(samples);
            }
            foreach ((Pending of, TimedOperation timed) in ready) Keep(of, timed);
        }
        finally
        {
            foreach ((_, TimedOperation timed) in ready) timed.Dispose();
        }
        foreach (BenchDevice device in _devices.Values) device.Trim();
    }

    private (int Rounds, int Samples) RoundsOn(BenchDevice device) => device switch
    {
        { Emulated: true } => (1, 1),
        CudaBenchDevice => (request.Rounds ?? 6, 4),
        _ => (request.Rounds ?? 4, 6),   // other programs come and go
    };

    private TimedOperation? Prepare(Pending pending, RandomValues random)
    {
        string? notTimed;
        try
        {
            return TimedOperation.Prepare(pending.Operation, pending.Device, random, request.Slowed?.Of(pending.Operation) ?? Slowdown.None);
        }
        catch (WrongResultException e)
        {
            Failed++;
            notTimed = $"wrong result: {e.Message}";
        }
        catch (DeviceMemoryException e)
        {
            notTimed = e.Message;
        }
        catch (Exception e) when (e is not (DeviceLostException or OutOfMemoryException))
        {
            Failed++;
            notTimed = $"it failed: {e.Message}";
        }
        if (pending.IsCeiling) _notes.Add($"no ceiling {pending.Operation.Name}: {notTimed}");
        else _measurements.Add(Describe(pending) with { NotTimed = notTimed });
        return null;
    }

    private void Keep(Pending pending, TimedOperation timed)
    {
        _samples += timed.Seconds.Count;
        _disturbed += timed.Disturbed;
        if (pending.IsCeiling) _ceilings.Add(Ceilings.Of(pending.Operation, timed.Seconds));
        else _measurements.Add(Describe(pending) with { Seconds = timed.Seconds, RelativeError = timed.RelativeError });
    }

    private Measurement Describe(Pending pending) => new(request.Group, pending.Operation.Name, pending.Operation.Case, pending.Precision.CommandLineName())
    {
        Shape = pending.Operation.Shape,
        Bytes = pending.Operation.Work.Bytes,
        Flops = pending.Operation.Work.Flops,
        Ceiling = pending.Operation.Work.Ceiling,
    };

    private void Note(BenchDevice device)
    {
        if (device.Emulated) _notes.Add("the device is emulated: its times mean nothing");
        else if (device.Backend is CudaBackend) _notes.Add("normalize_waveform and group_norm_fold take memory while they run and are launched one by one; everything else is launched as one graph a sample");
        else _notes.Add("FLOPs are those of the formula: strided convolutions of three taps get by with five products of six here, so they may pass 100 % of the roofline");
        if (request.Slowed is { } slowed) _notes.Add(string.Create(CultureInfo.InvariantCulture, $"{slowed.Name} was made {slowed.Factor} times as slow on purpose"));
    }

    private sealed record Pending(BenchDevice Device, Operation Operation, Precision Precision, bool IsCeiling);
}
