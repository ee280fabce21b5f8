using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private readonly KernelFamily<PositionalConvShape> _positionalConvs;
    private readonly KernelFamily<PositionalConvTensorCoresShape> _positionalConvsOnTensorCores;

    /// <inheritdoc cref="IBackend.PackPositionalConv" />
    public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
    {
        int ofGroup = channels / groups;
        if (OperandType == ElementType.Float32)
        {
            var shape = new PositionalConvShape(ofGroup, kernel);
            return Kept(shape.Pack(weight, groups), shape.Blocks, bias);
        }
        var onTensorCores = new PositionalConvTensorCoresShape(ofGroup, kernel, OperandType);
        return Kept(onTensorCores.Pack(weight, groups), onTensorCores.Blocks, bias);

        CudaPositionalConvWeights Kept(float[] packed, int blocks, ReadOnlySpan<float> bias)
            => new(channels, groups, kernel, blocks, Keep(packed, packed.Length, 1, OperandType), Keep(bias, 1, channels));
    }

    /// <inheritdoc cref="IBackend.PositionalConv" />
    public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
    {
        var weights = (CudaPositionalConvWeights)conv;
        RequireShape(x, batch.Frames, conv.Channels, nameof(x));
        RequireShape(y, batch.Frames, conv.Channels, nameof(y));
        var places = (DeviceBatch)batch.Places!;
        int ofGroup = conv.Channels / conv.Groups;
        Kernel kernel = OperandType == ElementType.Float32
            ? _positionalConvs[new(ofGroup, conv.Kernel)]
            : _positionalConvsOnTensorCores[new(ofGroup, conv.Kernel, OperandType)];
        kernel.Launch(
            _stream, new Grid(places.TileCount, conv.Groups * weights.Blocks),
            x, weights.Values, weights.Bias, places.Tiles, places.Utterances, y);
    }

    private sealed class CudaPositionalConvWeights(int channels, int groups, int kernel, int blocks, Tensor values, Tensor bias)
        : PositionalConvWeights(channels, groups, kernel)
    {
        /// <summary>Blocks that share the outputs of a group.</summary>
        public int Blocks { get; } = blocks;

        /// <summary>In the kernel's order.</summary>
        public Tensor Values { get; } = values;

        public Tensor Bias { get; } = bias;

        public override void Dispose()
        {
            Values.Dispose();
            Bias.Dispose();
        }
    }
}
