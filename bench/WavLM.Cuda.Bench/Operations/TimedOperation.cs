namespace WavLM.Cuda.Bench.Operations;

/// <summary>
/// An operation with its arguments in memory, in as many sets as <see cref="BenchDevice.RotatedBytes" /> asks for. A sample
/// is several runs back to back, one set after the other: of one short run the clock would say little.
/// </summary>
internal sealed class TimedOperation : IDisposable
{
    private const int MostSets = 512, MostRuns = 4096;
    private const long PlacesApart = 8 * 104_729;   // from a set's values to the next one's

    private readonly BenchDevice _device;
    private readonly Slowdown _slowdown;
    private readonly List<Buffers> _buffers = [];
    private readonly List<OperationSet> _sets = [];
    private readonly List<double> _seconds = [];
    private IRecord? _record;
    private int _runs = 1;
    private long _next;

    private TimedOperation(Operation operation, BenchDevice device, Slowdown slowdown) => (Operation, _device, _slowdown) = (operation, device, slowdown);

    public Operation Operation { get; }

    /// <summary>Seconds a run, by sample.</summary>
    public IReadOnlyList<double> Seconds => _seconds;

    /// <summary>Samples among them during which other programs had the processor.</summary>
    public int Disturbed { get; private set; }

    /// <summary>Of the verification.</summary>
    public double RelativeError { get; private set; }

    /// <summary>Sets of arguments that an operation wants on a device.</summary>
    public static int SetsOf(Operation operation, BenchDevice device)
        => device.Emulated ? 1 : (int)Math.Clamp(Math.Ceiling(device.RotatedBytes / Math.Max(1, operation.Work.Bytes)), 1, MostSets);

    /// <summary>Makes the arguments, runs the first set once and compares what it gave.</summary>
    /// <exception cref="WrongResultException">It computes something else.</exception>
    /// <exception cref="DeviceMemoryException">The device has no room for it.</exception>
    public static TimedOperation Prepare(Operation operation, BenchDevice device, RandomValues random, Slowdown slowdown)
    {
        TimedOperation timed = new(operation, device, slowdown);
        try
        {
            for (int set = 0; set < SetsOf(operation, device); set++)
            {
                Buffers buffers = new(device, random, firstPlace: set * PlacesApart % random.Period);
                timed._buffers.Add(buffers);
                timed._sets.Add(operation.Prepare(buffers));
                if (set == 0) timed.Verify();
            }
            return timed;
        }
        catch
        {
            timed.Dispose();
            throw;
        }
    }

    /// <summary>Warms up, chooses the runs of a sample, and records them where the device can.</summary>
    public void Settle()
    {
        const int Tries = 3;
        Record();
        if (_device.Emulated) return;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            double fastest = _device.Clock.Time(Tries, _ => Sample()).Min() / _runs;
            int runs = RunsFor(_device.SecondsOfSample / fastest);
            // Launched one by one, short runs look longer than they are when recorded: so once more.
            if (runs <= _runs) return;
            _runs = runs;
            Record();
        }
    }

    /// <summary>Some samples, and one before them that does not count: who ran last left caches and clock speed as he needed them.</summary>
    public void Measure(int samples)
    {
        double[] seconds = _device.SecondsWaited is null ? _device.Clock.Time(samples + 1, _ => Sample())[1..] : MeasureUndisturbed(samples);
        foreach (double sample in seconds) _seconds.Add(sample / _runs);
    }

    public void Dispose()
    {
        _record?.Dispose();
        foreach (Buffers buffers in _buffers) buffers.Dispose();
    }

    /// <summary>
    /// Samples during which the processor was ours: what another program does is no property of an operation. On a busy machine it
    /// never is for long; so after some tries the least disturbed ones are taken, and of long samples all.
    /// </summary>
    private double[] MeasureUndisturbed(int samples)
    {
        const double Undisturbed = 0.01;   // of a sample's time
        const double Long = 10e-3;         // a few turns of the scheduler
        int tries = _device.Clock.Time(1, _ => Sample())[0] < Long ? 3 : 1;
        List<(double Seconds, double Waited)> taken = [];
        while (taken.Count < tries * samples && taken.Count(static sample => sample.Waited <= Undisturbed) < samples)
        {
            double before = _device.SecondsWaited!.Value, seconds = _device.Clock.Time(1, _ => Sample())[0];
            taken.Add((seconds, (_device.SecondsWaited!.Value - before) / seconds));
        }
        (double Seconds, double Waited)[] kept = [.. taken.OrderBy(static sample => sample.Waited).Take(samples)];
        Disturbed += kept.Count(static sample => sample.Waited > Undisturbed);
        return [.. kept.Select(static sample => sample.Seconds)];
    }

    private void Verify()
    {
        var agreement = new Agreement(_device.Backend.OperandType);
        _sets[0].Run();
        _sets[0].Verify(agreement);
        RelativeError = agreement.RelativeError;
    }

    private void Sample()
    {
        if (_record is not null)
        {
            _record.Launch();
            return;
        }
        for (int run = 0; run < _slowdown.RunsFor(_runs); run++) _sets[(int)(_next++ % _sets.Count)].Run();
    }

    private void Record()
    {
        _record?.Dispose();
        _record = Operation.TakesMemory ? null : _device.Record(() =>
        {
            for (int run = 0; run < _slowdown.RunsFor(_runs); run++) _sets[run % _sets.Count].Run();
        });
    }

    // A record begins with the first set each time: so it is of whole rounds.
    private int RunsFor(double wanted)
    {
        int runs = (int)Math.Clamp(Math.Ceiling(wanted), 1, MostRuns);
        if (_record is not null) runs = (runs + _sets.Count - 1) / _sets.Count * _sets.Count;
        return _slowdown.WholeRuns(runs);
    }
}
