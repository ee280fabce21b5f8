using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// N dedicated threads, made once; the encoder's own thread is the first of them. A stage is one <see cref="For"/> over
/// fixed tiles: which worker takes a tile changes nothing in its bits, because every tile is computed by one thread alone.
/// Each begins with its own share, neighbouring tiles, and then helps the others with theirs: from one stage to the next a row stays in the
/// cache of one processor. Where the way between two processors is long, a row that wanders takes up to twice the time.
/// </summary>
internal sealed class Workers : IDisposable
{
    // A stage of the forward pass follows the last within microseconds, sleeping and waking takes tens of them.
    private const int SpinsBeforeSleep = 200;

    private readonly Worker[] _workers;
    private readonly Thread[] _threads;
    private readonly ManualResetEventSlim[] _starts;
    private readonly ManualResetEventSlim _finished = new(initialState: false, SpinsBeforeSleep);
    private Action<Worker, long> _body = static (_, _) => { };
    private CancellationToken _cancellationToken;
    private readonly Share[] _shares;
    private int _running;
    private volatile Exception? _failure;
    private volatile bool _disposed;

    /// <param name="count">Workers, the calling thread included.</param>
    /// <param name="engine">oneDNN's engine; must outlive the workers.</param>
    public Workers(int count, DnnlEngineHandle engine)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        // oneDNN would start threads of its own inside a primitive, and a primitive's bits would follow their number.
        OpenMp.omp_set_num_threads(1);
        _workers = [.. Enumerable.Range(0, count).Select(index => new Worker(index, engine))];
        _shares = new Share[count];
        _starts = [.. Enumerable.Range(1, count - 1).Select(_ => new ManualResetEventSlim(initialState: false, SpinsBeforeSleep))];
        _threads = [.. Enumerable.Range(1, count - 1).Select(index => new Thread(() => Serve(index)) { IsBackground = true, Name = $"WavLM worker {index}" })];
        foreach (Thread thread in _threads) thread.Start();
    }

    public int Count => _workers.Length;

    /// <summary>The calling thread's worker, for what is done once and in order.</summary>
    public Worker First => _workers[0];

    /// <summary>Runs <paramref name="body"/> for 0 .. count - 1, in any order, on all workers; returns when all are done.</summary>
    /// <exception cref="OperationCanceledException">Seen between two tiles; the rest was not started.</exception>
    public void For(long count, Action<Worker, long> body, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _body = body;
        _cancellationToken = cancellationToken;
        for (int i = 0; i < _shares.Length; i++) _shares[i] = new Share { Next = count * i / _shares.Length, End = count * (i + 1) / _shares.Length };
        _failure = null;
        int others = (int)Math.Min(_threads.Length, Math.Max(0, count - 1));
        _running = others;
        if (others > 0)
        {
            _finished.Reset();
            for (int i = 0; i < others; i++) _starts[i].Set();
        }
        TakeTiles(_workers[0]);
        if (others > 0) _finished.Wait(CancellationToken.None);   // the others still use this stage's tensors
        _body = static (_, _) => { };   // what it captured belongs to the batch
        if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (ManualResetEventSlim start in _starts) start.Set();
        foreach (Thread thread in _threads) thread.Join();
        foreach (ManualResetEventSlim start in _starts) start.Dispose();
        foreach (Worker worker in _workers) worker.Dispose();
        _finished.Dispose();
    }

    private void Serve(int index)
    {
        OpenMp.omp_set_num_threads(1);
        ManualResetEventSlim start = _starts[index - 1];
        while (true)
        {
            start.Wait();
            start.Reset();
            if (_disposed) return;
            TakeTiles(_workers[index]);
            if (Interlocked.Decrement(ref _running) == 0) _finished.Set();
        }
    }

    private void TakeTiles(Worker worker)
    {
        try
        {
            for (int i = 0; i < _shares.Length; i++)
            {
                ref Share share = ref _shares[(worker.Index + i) % _shares.Length];
                long tile;
                while (_failure is null && (tile = Interlocked.Increment(ref share.Next) - 1) < share.End)
                {
                    _cancellationToken.ThrowIfCancellationRequested();
                    _body(worker, tile);
                }
            }
        }
#pragma warning disable CA1031 // whatever a worker throws ends the batch on the encoder's thread, never the process
        catch (Exception failure)
#pragma warning restore CA1031
        {
            // The first, unless it only says that it was cancelled: the other one is the news.
            Exception? before = Interlocked.CompareExchange(ref _failure, failure, null);
            if (before is OperationCanceledException) _failure = failure;
        }
    }

    // A cache line each, so that taking a tile disturbs nobody.
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct Share
    {
        public long Next;
        public long End;
    }
}
