using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends;

// A model's weights in a backend's memory. What only a backend knows (packed layouts) is in its own subclasses.

/// <summary>Gain and bias of a layer norm, [1, columns] each.</summary>
internal sealed record NormWeights(Tensor Gain, Tensor Bias, float Epsilon) : IDisposable
{
    public void Dispose()
    {
        Gain.Dispose();
        Bias.Dispose();
    }
}

/// <summary>y = x W^T + b.</summary>
internal abstract class LinearWeights(int inputs, int outputs, ElementType results) : IDisposable
{
    /// <summary>Type of y.</summary>
    public ElementType ResultType { get; } = results;

    public int Inputs { get; } = inputs;

    public int Outputs { get; } = outputs;

    public abstract void Dispose();
}

/// <summary>The first convolution, one input channel.</summary>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Samples between two rows.</param>
/// <param name="Taps">[kernel + 1, channels]: the taps, then the bias.</param>
/// <param name="GroupNorm">The norm over time, folded into the taps utterance by utterance; or null.</param>
/// <param name="LayerNorm">The norm over channels; or null.</param>
internal sealed record FirstConvWeights(int Kernel, int Stride, Tensor Taps, NormWeights? GroupNorm, NormWeights? LayerNorm) : IDisposable
{
    public int Channels => Taps.Columns;

    public void Dispose()
    {
        Taps.Dispose();
        GroupNorm?.Dispose();
        LayerNorm?.Dispose();
    }
}

/// <summary>A convolution over rows, weights [outputs][tap][inputs], and the norm over its channels where the front end has one.</summary>
internal abstract class StridedConvWeights(int inputs, ConvLayer shape, NormWeights? layerNorm, ElementType operandType, ElementType results) : IDisposable
{
    // Rounding errors of few channels do not average out: of 148 random models with up to 128 channels one in ten came over the
    // bound of bfloat16 on utterances of one or two frames, of 102 with 129 to 256 one in thirty over that of either half precision.
    // With float32 operands up to 256 none of 500 did; the worst came to 1.2e-2 of 1.5e-2, in float16 to 1.5e-3 of 2e-3. Published
    // models have 512.
    private const int NarrowInputs = 256;

    /// <summary>Type of its input.</summary>
    public ElementType OperandType { get; } = operandType;

    /// <summary>Type of y.</summary>
    public ElementType ResultType { get; } = results;

    /// <summary>Operands of a convolution of so many channels, where the model's are of <paramref name="operands"/>.</summary>
    public static ElementType OperandsFor(int inputs, ElementType operands) => inputs <= NarrowInputs ? ElementType.Float32 : operands;

    /// <summary>What a level of the front end is stored as: the next convolution's operands, float32 at the end, where a layer norm follows.</summary>
    public static ElementType TypeOfLevel(EncoderConfig config, int level, ElementType operands)
        => level == config.ConvLayers.Length - 1 ? ElementType.Float32 : OperandsFor(config.ConvLayers[level].Channels, operands);

    public int Inputs { get; } = inputs;

    public int Outputs => Shape.Channels;

    public ConvLayer Shape { get; } = shape;

    public NormWeights? LayerNorm { get; } = layerNorm;

    public virtual void Dispose() => LayerNorm?.Dispose();
}

/// <summary>A grouped convolution over frames with "same" length; an even kernel sees one frame more to the left than to the right.</summary>
internal abstract class PositionalConvWeights(int channels, int groups, int kernel) : IDisposable
{
    public int Channels { get; } = channels;

    public int Groups { get; } = groups;

    public int Kernel { get; } = kernel;

    public abstract void Dispose();
}

/// <summary>
/// g = a (c const_h - 1) + 2 with a = sigmoid(u_h . rows[0] + biases[0]), c = sigmoid(u_h . rows[1] + biases[1]), u_h a head's
/// part of the attention's input: gru_rel_pos_linear with its eight rows summed in fours, as the sigmoid sees them.
/// </summary>
/// <param name="Rows">[2, head width].</param>
/// <param name="Biases">[1, 2].</param>
/// <param name="Constants">[1, heads]: gru_rel_pos_const.</param>
internal sealed record GateWeights(Tensor Rows, Tensor Biases, Tensor Constants) : IDisposable
{
    public int Heads => Constants.Columns;

    public void Dispose()
    {
        Rows.Dispose();
        Biases.Dispose();
        Constants.Dispose();
    }
}

/// <summary>The relative bias, times log2(e), of every distance j - i from -radius to radius; constant beyond.</summary>
/// <param name="Table">[heads, 2 radius + 1].</param>
internal sealed record RelativeBias(Tensor Table) : IDisposable
{
    public int Radius => (Table.Columns - 1) / 2;

    public void Dispose() => Table.Dispose();
}
