using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Tests.Backends;

/// <summary>Native objects are released on the device's thread alone, whoever lets go of them. The objects are numbers here, and a release is noted.</summary>
public sealed class PendingReleasesTests
{
    private readonly ConcurrentQueue<(nint Handle, Thread By)> _released = new();

    [Fact]
    public void A_dropped_object_is_released_by_its_owner_and_not_by_the_finalizer()
    {
        PendingReleases releases = new();
        using PrimaryContextHandle context = Context(100, releases);
        Drop(7, context);
        CollectUntil(() => releases.Count == 1);
        Assert.Empty(_released);
        Assert.Equal(1, releases.Drain());
        Assert.Equal([(7, Thread.CurrentThread)], _released);
        Assert.Equal(0, releases.Drain());
    }

    [Fact]
    public void An_object_disposed_on_the_owners_thread_is_gone_at_once_and_once()
    {
        PendingReleases releases = new();
        using PrimaryContextHandle context = Context(100, releases);
        using (StubHandle handle = new(7, context, Note)) handle.Dispose();
        Assert.Equal([(7, Thread.CurrentThread)], _released);
        Assert.Equal(0, releases.Count);
    }

    [Fact]
    public void An_object_disposed_on_another_thread_waits_for_the_owner()
    {
        PendingReleases releases = new();
        using PrimaryContextHandle context = Context(100, releases);
        StubHandle handle = new(7, context, Note);
        OnAnotherThread(handle.Dispose);
        Assert.Equal((1, 0), (releases.Count, _released.Count));
        OnAnotherThread(() => Assert.Throws<InvalidOperationException>(() => releases.Drain()));
        Assert.Equal(1, releases.Drain());
        Assert.Equal([(7, Thread.CurrentThread)], _released);
    }

    [Fact]
    public void A_context_outlives_what_was_made_in_it()
    {
        PendingReleases releases = new();
        PrimaryContextHandle context = Context(100, releases);
        StubHandle first = new(7, context, Note), second = new(8, context, Note);
        context.Dispose();
        second.Dispose();
        Assert.Equal([8], _released.Select(release => release.Handle));
        OnAnotherThread(first.Dispose);
        Assert.Equal([8], _released.Select(release => release.Handle));   // the context waits with its last object
        releases.Drain();
        Assert.Equal([8, 7, 100], _released.Select(release => release.Handle));
    }

    [Fact]
    public void A_context_that_is_dropped_together_with_its_objects_is_released_last()
    {
        for (int round = 0; round < 20; round++)   // finalizers run in any order
        {
            _released.Clear();
            PendingReleases releases = new();
            DropWithContext(releases);
            CollectUntil(() => releases.Count == 3);
            releases.Drain();
            Assert.Equal([7, 8, 9, 100], _released.Select(release => release.Handle).Order());
            Assert.Equal(100, _released.Last().Handle);
        }
    }

    private PrimaryContextHandle Context(nint handle, PendingReleases releases) => new(handle, releases, Note);

    private void Note(nint handle) => _released.Enqueue((handle, Thread.CurrentThread));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Drop(nint handle, PrimaryContextHandle context) => _ = new StubHandle(handle, context, Note);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DropWithContext(PendingReleases releases)
    {
        PrimaryContextHandle context = Context(100, releases);
        for (nint handle = 7; handle < 10; handle++) Drop(handle, context);
    }

    private static void CollectUntil(Func<bool> done)
    {
        for (int tries = 0; tries < 50 && !done(); tries++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.True(done());
    }

    private static void OnAnotherThread(Action action)
    {
        Exception? failure = null;
        Thread thread = new(() => failure = Record.Exception(action));
        thread.Start();
        thread.Join();
        if (failure is not null) throw failure;
    }

    private sealed class StubHandle(nint created, PrimaryContextHandle context, Action<nint> destroy) : DeviceObjectHandle(created, context, destroy);
}
