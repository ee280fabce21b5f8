using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private readonly KernelFamily<PositionalConvShape> _positionalConvs;

    /// <inheritdoc cref="IBackend.PackPositionalConv" />
    public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
    {
        var shape = new PositionalConvShape(channels / groups, kernel);
        return new CudaPositionalConvWeights(channels, groups, shape, Keep(shape.Pack(weight, groups), (long)groups * shape.WeightsOfGroup, 1), Keep(bias, 1, channels));
    }

    /// <inheritdoc cref="IBackend.PositionalConv" />
    public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
    {
        var weights = (CudaPositionalConvWeights)conv;
        RequireShape(x, batch.Frames, conv.Channels, nameof(x));
        RequireShape(y, batch.Frames, conv.Channels, nameof(y));
        var places = (DeviceBatch)batch.Places!;
        _positionalConvs[weights.Shape].Launch(
            _stream, new Grid(places.TileCount, conv.Groups * weights.Shape.Blocks),
            x, weights.Values, weights.Bias, places.Tiles, places.Utterances, y);
    }

    private sealed class CudaPositionalConvWeights(int channels, int groups, PositionalConvShape shape, Tensor values, Tensor bias)
        : PositionalConvWeights(channels, groups, shape.Kernel)
    {
        public PositionalConvShape Shape { get; } = shape;

        /// <summary>As <see cref="PositionalConvShape.Pack"/> lays them out.</summary>
        public Tensor Values { get; } = values;

        public Tensor Bias { get; } = bias;

        public override void Dispose()
        {
            Values.Dispose();
            Bias.Dispose();
        }
    }
}
