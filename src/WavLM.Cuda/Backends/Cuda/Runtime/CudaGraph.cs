using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>A recorded sequence of launches and copies that is queued with one call.</summary>
internal sealed class CudaGraph : IDisposable
{
    private readonly GraphExecHandle _executable;

    private CudaGraph(GraphExecHandle executable) => _executable = executable;

    /// <summary>Records what the body queues on the stream; nothing of it runs. It may neither wait nor take memory.</summary>
    public static CudaGraph Capture(CudaStream stream, Action body)
    {
        // By thread: what other threads do meanwhile is none of this graph's business.
        Driver.ThrowIfFailed(Driver.cuStreamBeginCapture_v2(stream.Handle, CuStreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        try
        {
            body();
        }
        catch
        {
            // Ends the capture, whatever it holds: the stream is usable again. An invalidated one gives no graph.
            if (Driver.cuStreamEndCapture(stream.Handle, out nint broken) == CuResult.CUDA_SUCCESS) _ = Driver.cuGraphDestroy(broken);
            throw;
        }
        using GraphHandle graph = GraphHandle.EndCapture(stream.Handle, stream.Device.Context);
        return new CudaGraph(GraphExecHandle.Instantiate(graph, stream.Device.Context));
    }

    public void Launch(CudaStream stream) => Driver.ThrowIfFailed(Driver.cuGraphLaunch(_executable, stream.Handle));

    public void Dispose() => _executable.Dispose();
}
