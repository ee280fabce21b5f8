using System.Runtime.InteropServices;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Cli;

/// <summary>SIGINT and SIGTERM: the first one asks the run to stop, a second one ends the process at once.</summary>
internal sealed class StopSignals : IDisposable
{
    private const int Interrupted = 130, Terminated = 143;   // 128 and the signal's number, as shells have it

    private static int s_received;

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration _interrupt, _terminate;

    public StopSignals()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Receive(context, Interrupted));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Receive(context, Terminated));
    }

    /// <summary>The exit code that a signal asked for; null if none came.</summary>
    public static int? Received => s_received == 0 ? null : s_received;

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stop.Dispose();
    }

    private void Receive(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        // No finalizers, no waiting for threads: whoever signals twice means it. Files are whole at any moment.
        if (Interlocked.CompareExchange(ref s_received, exitCode, 0) != 0) LibC._exit(exitCode);
        Terminal.WriteError("stopping: what is finished is being written; once more ends at once");
        _stop.Cancel();
    }
}
