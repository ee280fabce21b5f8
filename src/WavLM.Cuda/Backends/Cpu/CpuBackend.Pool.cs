using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow) => _workers.For(batch.Count, (worker, index) =>
    {
        PackedUtterance utterance = batch[(int)index];
        Span<float> mean = new(RowOf(y, firstRow + index), x.Columns);
        mean.Clear();
        for (long frame = 0; frame < utterance.Frames; frame++) TensorPrimitives.Add(mean, FrameOf(utterance, frame), mean);
        TensorPrimitives.Divide(mean, utterance.Frames, mean);
        if (!withDeviation) return;

        Span<float> deviation = new((float*)RowOf(y, firstRow + index) + x.Columns, x.Columns), difference = new(worker.Scratch((nint)x.Columns * sizeof(float)), x.Columns);
        deviation.Clear();
        for (long frame = 0; frame < utterance.Frames; frame++)
        {
            TensorPrimitives.Subtract(FrameOf(utterance, frame), mean, difference);
            TensorPrimitives.FusedMultiplyAdd(difference, difference, deviation, deviation);
        }
        TensorPrimitives.Divide(deviation, Math.Max(1, utterance.Frames - 1), deviation);
        TensorPrimitives.Sqrt(deviation, deviation);

        ReadOnlySpan<float> FrameOf(PackedUtterance of, long frame) => new(RowOf(x, of.FirstFrame + frame), x.Columns);
    });
}
