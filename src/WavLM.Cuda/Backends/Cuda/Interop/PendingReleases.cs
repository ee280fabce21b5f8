using System.Collections.Concurrent;

namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>
/// Native objects that were let go of where the driver must not be called: on the finalizer's thread, or on any other but the device's.
/// They wait here until the device's thread, whose current context is theirs, releases them. A queue that nobody drains any more keeps
/// them until the process ends.
/// </summary>
internal sealed class PendingReleases
{
    private readonly Thread _owner = Thread.CurrentThread;
    private readonly ConcurrentQueue<PendingRelease> _queue = new();

    /// <summary>How many wait now.</summary>
    public int Count => _queue.Count;

    /// <summary>Releases at once on the thread that made this queue, and later from any other.</summary>
    public void Release(nint handle, Action<nint> destroy, PrimaryContextHandle? context)
    {
        PendingRelease release = new(handle, destroy, context);
        if (Thread.CurrentThread == _owner) release.Run();
        else _queue.Enqueue(release);
    }

    /// <summary>Releases what waits. Called by the owner between batches, and last of all when it ends.</summary>
    /// <returns>How many were released.</returns>
    /// <exception cref="InvalidOperationException">Another thread calls.</exception>
    public int Drain()
    {
        if (Thread.CurrentThread != _owner) throw new InvalidOperationException("only the device's own thread releases its objects");
        int released = 0;
        while (_queue.TryDequeue(out PendingRelease release))
        {
            release.Run();
            released++;
        }
        return released;
    }

    /// <param name="Handle">The raw handle: the object around it is gone.</param>
    /// <param name="Destroy">The library's function. Its status has no reader: on a dead context every release fails, and it freed all anyway.</param>
    /// <param name="Context">Kept alive until then; null for the context itself.</param>
    private readonly record struct PendingRelease(nint Handle, Action<nint> Destroy, PrimaryContextHandle? Context)
    {
        public void Run()
        {
            Destroy(Handle);
            Context?.DangerousRelease();
        }
    }
}
