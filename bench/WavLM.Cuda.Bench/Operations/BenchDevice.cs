using WavLM.Cuda.Backends;
using WavLM.Cuda.Bench.Timing;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>A backend with what a benchmark asks of its device beside operations. Made, used and disposed on one thread.</summary>
internal abstract class BenchDevice(IBackend backend) : IDisposable
{
    private readonly Dictionary<(ElementType, double), Tensor> _periods = [];

    public IBackend Backend => backend;

    /// <summary>The device's or the processor's name.</summary>
    public abstract string Name { get; }

    /// <summary>Its times mean nothing.</summary>
    public virtual bool Emulated => false;

    /// <summary>What all sets of an operation's arguments take together at least: so much that none finds its own where it would not be found in a pass.</summary>
    public abstract long RotatedBytes { get; }

    /// <summary>The most bytes that benchmarks may hold at once.</summary>
    public abstract long MemoryBudget { get; }

    /// <summary>How long a sample takes at least, so that neither the clock nor an interruption decides it.</summary>
    public abstract double SecondsOfSample { get; }

    /// <summary>Seconds that threads of this process could have run and had no processor, so far; null where times do not depend on it.</summary>
    public virtual double? SecondsWaited => null;

    /// <summary>What samples are measured with.</summary>
    public DeviceClock Clock { get; } = DeviceClock.Of(backend);

    /// <summary>NaN in the whole block behind a tensor, past its rows too.</summary>
    public abstract void Poison(Tensor tensor);

    public abstract void Write(ReadOnlySpan<byte> from, Tensor tensor);

    public abstract void Read(Tensor tensor, Span<byte> to);

    /// <summary>Begins to copy one tensor's beginning to another's.</summary>
    public abstract void Copy(Tensor source, Tensor destination, long bytes);

    /// <summary>What begins operations with one call, if the device can do that; else null. They take no memory.</summary>
    public abstract IRecord? Record(Action operations);

    /// <summary>Gives memory that no tensor holds back to the system.</summary>
    public abstract void Trim();

    /// <summary>Fills a tensor's rows with values from a place on.</summary>
    public void Fill(Tensor tensor, RandomValues random, long place, double deviation)
    {
        if (!_periods.TryGetValue((tensor.Type, deviation), out Tensor? period))
        {
            period = backend.Rent(random.Period / 8, 8, tensor.Type);
            _periods.Add((tensor.Type, deviation), period);
            Write(random.BytesOf(tensor.Type, deviation), period);
        }
        long elements = tensor.Rows * tensor.Columns;
        for (long done = 0; done < elements;)
        {
            long first = (place + done) % random.Period, count = Math.Min(random.Period - first, elements - done);
            Copy(PartOf(period, first, count), PartOf(tensor, done, count), count * tensor.Type.Bytes());
            done += count;
        }
    }

    /// <summary>A stretch of a tensor's elements; the memory stays the tensor's.</summary>
    public static Tensor PartOf(Tensor tensor, long first, long count)
    {
        int bytes = tensor.Type.Bytes();
        return new Tensor(NoPool.Instance, tensor.Address + (nint)(first * bytes), (nint)(count * bytes), count, 1, tensor.Type);
    }

    public virtual void Dispose()
    {
        Clock.Dispose();
        backend.Dispose();
    }

    private sealed class NoPool : ITensorPool
    {
        public static NoPool Instance { get; } = new();

        public void Return(nint address, nint bytes)
        {
        }
    }
}

/// <summary>Recorded operations.</summary>
internal interface IRecord : IDisposable
{
    void Launch();
}
