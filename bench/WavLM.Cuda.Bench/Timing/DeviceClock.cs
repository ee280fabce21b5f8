using System.Diagnostics;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Bench.Timing;

/// <summary>Marks in the order of a device's work, and the seconds between them: events on a GPU, the processor's clock on the CPU.</summary>
internal abstract class DeviceClock : IDisposable
{
    /// <summary>The clock of a backend, on the backend's thread.</summary>
    public static DeviceClock Of(IBackend backend) => backend is CudaBackend cuda ? new EventClock(cuda.Stream) : new ProcessorClock();

    /// <summary>Puts a mark behind all that is queued.</summary>
    /// <returns>The mark's number.</returns>
    public abstract int Mark();

    /// <summary>Seconds from one mark to a later one; waits for it.</summary>
    public abstract double Between(int earlier, int later);

    /// <summary>Waits for all that is queued, and forgets the marks.</summary>
    public abstract void Reset();

    /// <summary>Seconds of each of several runs, measured one by one.</summary>
    public double[] Time(int runs, Action<int> run)
    {
        Reset();
        var seconds = new double[runs];
        for (int i = 0; i < runs; i++)
        {
            Mark();
            run(i);
            Mark();
        }
        for (int i = 0; i < runs; i++) seconds[i] = Between(2 * i, 2 * i + 1);
        return seconds;
    }

    public abstract void Dispose();

    private sealed class ProcessorClock : DeviceClock
    {
        private readonly List<long> _marks = [];

        public override int Mark()
        {
            _marks.Add(Stopwatch.GetTimestamp());
            return _marks.Count - 1;
        }

        public override double Between(int earlier, int later) => Stopwatch.GetElapsedTime(_marks[earlier], _marks[later]).TotalSeconds;

        public override void Reset() => _marks.Clear();

        public override void Dispose()
        {
        }
    }

    private sealed class EventClock(CudaStream stream) : DeviceClock
    {
        private readonly List<CudaEvent> _events = [];   // kept: to make one costs more than to record it
        private int _marks;

        public override int Mark()
        {
            if (_marks == _events.Count) _events.Add(new CudaEvent(stream.Device, timing: true));
            _events[_marks].Record(stream);
            return _marks++;
        }

        public override double Between(int earlier, int later)
        {
            _events[later].Synchronize();
            return _events[later].MillisecondsSince(_events[earlier]) / 1e3;
        }

        public override void Reset()
        {
            stream.Synchronize();
            _marks = 0;
        }

        public override void Dispose()
        {
            foreach (CudaEvent recorded in _events) recorded.Dispose();
        }
    }
}
