using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>A queue of the device. It does not wait for the default stream, which nothing here uses.</summary>
internal sealed class CudaStream(CudaDevice device) : IDisposable
{
    public CudaDevice Device { get; } = device;

    internal StreamHandle Handle { get; } = StreamHandle.Create(CuStreamFlags.CU_STREAM_NON_BLOCKING, device.Context);

    /// <summary>Waits on the host until all that is queued has run.</summary>
    public void Synchronize() => Driver.ThrowIfFailed(Driver.cuStreamSynchronize(Handle));

    /// <summary>What is queued from here on waits on the device for the event.</summary>
    public void Wait(CudaEvent recorded) => Driver.ThrowIfFailed(Driver.cuStreamWaitEvent(Handle, recorded.Handle, 0));

    public void Dispose() => Handle.Dispose();
}
