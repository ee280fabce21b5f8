using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed class CudaGraphTests
{
    [Fact]
    public void What_was_captured_runs_at_each_launch_and_not_before()
    {
        using DeviceSession session = new();
        using Tensor counter = session.Upload([1], columns: 1), copy = session.Upload([0], columns: 1);
        using CudaGraph graph = CudaGraph.Capture(session.Stream, () => Copy(session, counter, copy));
        Assert.Equal([0f], session.Download(copy));
        graph.Launch(session.Stream);
        Assert.Equal([1f], session.Download(copy));
        Fill(session, counter, 2f);
        graph.Launch(session.Stream);
        Assert.Equal([2f], session.Download(copy));
        Assert.Equal(2, EmulatedDevice.Count("graph_launches"));
    }

    [Fact]
    public void A_capture_whose_body_throws_leaves_the_stream_usable()
    {
        using DeviceSession session = new();
        using Tensor from = session.Upload([1], columns: 1), to = session.Upload([0], columns: 1);
        Assert.Throws<InvalidOperationException>(() => CudaGraph.Capture(session.Stream, () =>
        {
            Copy(session, from, to);
            throw new InvalidOperationException();
        }));
        Copy(session, from, to);
        Assert.Equal([1f], session.Download(to));
    }

    [Fact]
    public void Waiting_during_a_capture_is_an_error()
    {
        using DeviceSession session = new();
        Assert.Throws<CudaException>(() => CudaGraph.Capture(session.Stream, session.Stream.Synchronize));
        session.Stream.Synchronize();
    }

    private static void Copy(DeviceSession session, Tensor from, Tensor to)
        => Driver.ThrowIfFailed(Driver.cuMemcpyDtoDAsync_v2((nuint)to.Address, (nuint)from.Address, sizeof(float), session.Stream.Handle));

    private static void Fill(DeviceSession session, Tensor tensor, float value)
        => Driver.ThrowIfFailed(Driver.cuMemsetD32Async((nuint)tensor.Address, BitConverter.SingleToUInt32Bits(value), 1, session.Stream.Handle));
}
