using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace WavLM.Cuda.Model;

/// <summary>
/// The one thread that calls a backend. Native libraries keep state by thread, and the thread pool would move a pass from
/// thread to thread; so work is posted here and the caller waits.
/// </summary>
internal sealed class EncoderThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public EncoderThread()
    {
        _thread = new Thread(Serve) { IsBackground = true, Name = "WavLM encoder" };
        _thread.Start();
    }

    /// <summary>Runs <paramref name="work"/> on the thread and returns its result, or throws what it threw.</summary>
    /// <exception cref="ObjectDisposedException">The thread has ended.</exception>
    public T Run<T>(Func<T> work)
    {
        ObjectDisposedException.ThrowIf(_work.IsAddingCompleted, this);
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim done = new();
        _work.Add(() =>
        {
            try
            {
                result = work();
            }
#pragma warning disable CA1031 // rethrown on the caller's thread
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
        return result;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Serve()
    {
        foreach (Action work in _work.GetConsumingEnumerable()) work();
    }
}
