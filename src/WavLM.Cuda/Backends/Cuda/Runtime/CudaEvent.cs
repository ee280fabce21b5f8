using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>A point in a stream.</summary>
/// <param name="device">Whose.</param>
/// <param name="timing">Whether it is for measuring: one that is not costs less.</param>
internal sealed class CudaEvent(CudaDevice device, bool timing = false) : IDisposable
{
    internal EventHandle Handle { get; } = EventHandle.Create(timing ? CuEventFlags.CU_EVENT_DEFAULT : CuEventFlags.CU_EVENT_DISABLE_TIMING, device.Context);

    /// <summary>Whether all that was queued before it has run.</summary>
    public bool HasPassed
    {
        get
        {
            CuResult result = Driver.cuEventQuery(Handle);
            if (result == CuResult.CUDA_ERROR_NOT_READY) return false;
            Driver.ThrowIfFailed(result, nameof(Driver.cuEventQuery));
            return true;
        }
    }

    /// <summary>Puts it behind all that is queued.</summary>
    public void Record(CudaStream stream) => Driver.ThrowIfFailed(Driver.cuEventRecord(Handle, stream.Handle));

    /// <summary>Waits on the host until all that was queued before it has run.</summary>
    public void Synchronize() => Driver.ThrowIfFailed(Driver.cuEventSynchronize(Handle));

    /// <summary>Device time from an earlier event to this one; both were made for timing and have passed.</summary>
    public float MillisecondsSince(CudaEvent earlier)
    {
        Driver.ThrowIfFailed(Driver.cuEventElapsedTime(out float milliseconds, earlier.Handle, Handle));
        return milliseconds;
    }

    public void Dispose() => Handle.Dispose();
}
