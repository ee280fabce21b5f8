using System.Collections.Immutable;

namespace WavLM.Cuda.Model;

/// <summary>One convolution of the front end.</summary>
/// <param name="Channels">Output channels.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Input rows between two output rows.</param>
public readonly record struct ConvLayer(int Channels, int Kernel, int Stride);

/// <summary>Where the convolutional front end normalises.</summary>
public enum FrontEndNorm
{
    /// <summary>GroupNorm with one group a channel, over time, after the first convolution only (Base).</summary>
    Group,

    /// <summary>LayerNorm over the channels after every convolution (Large).</summary>
    Layer,
}

/// <summary>Sizes and flavour of a speech encoder, all of them read from its checkpoint.</summary>
public sealed record EncoderConfig
{
    /// <summary>Hugging Face's model_type, such as "wavlm".</summary>
    public required string ModelType { get; init; }

    /// <summary>Width of the hidden states.</summary>
    public required int Width { get; init; }

    /// <summary>Transformer layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Attention heads; each is <see cref="HeadWidth"/> wide.</summary>
    public required int Heads { get; init; }

    /// <summary>Width between the two linear maps of a feed-forward block.</summary>
    public required int FeedForwardWidth { get; init; }

    /// <summary>The front end's convolutions, first to last.</summary>
    public required ImmutableArray<ConvLayer> ConvLayers { get; init; }

    /// <summary>Whether the convolutions have biases: decided by the tensors that are there.</summary>
    public required bool ConvBias { get; init; }

    /// <summary>Whether a linear map leads from the front end's channels to <see cref="Width"/>: by presence. unilm leaves it out where both are equal.</summary>
    public bool Projection { get; init; } = true;

    /// <summary>Where the front end normalises.</summary>
    public required FrontEndNorm FrontEndNorm { get; init; }

    /// <summary>do_stable_layer_norm: norms come before attention and feed-forward, and one more after the last layer.</summary>
    public required bool PreNorm { get; init; }

    /// <summary>Epsilon of every layer norm behind the front end. The front end's own norms always have 1e-5.</summary>
    public required double LayerNormEpsilon { get; init; }

    /// <summary>Taps of the positional convolution.</summary>
    public required int PositionalKernel { get; init; }

    /// <summary>Groups of the positional convolution.</summary>
    public required int PositionalGroups { get; init; }

    /// <summary>Rows of the relative bias table; 0 where the model has no relative bias.</summary>
    public required int Buckets { get; init; }

    /// <summary>Distance in frames from which the relative bias is constant.</summary>
    public required int MaxBucketDistance { get; init; }

    /// <summary>Width of one attention head.</summary>
    public int HeadWidth => Width / Heads;

    /// <summary>Channels that leave the front end.</summary>
    public int ConvWidth => ConvLayers[^1].Channels;

    /// <summary>Samples between two frames: the product of the strides.</summary>
    public int SamplesPerFrame
    {
        get
        {
            int product = 1;
            foreach (ConvLayer layer in ConvLayers) product *= layer.Stride;
            return product;
        }
    }

    /// <summary>Samples that one frame sees.</summary>
    public int ReceptiveField
    {
        get
        {
            int samples = 1;
            for (int i = ConvLayers.Length - 1; i >= 0; i--) samples = (samples - 1) * ConvLayers[i].Stride + ConvLayers[i].Kernel;
            return samples;
        }
    }

    /// <summary>
    /// Neighbouring slots that the rows of one frame lie in, at the level that takes most: a slot is a row of the last level and as many rows of
    /// the levels before it as the strides between come to. Two in every published model.
    /// </summary>
    internal int SlotsOfFrame
    {
        get
        {
            int most = 2;
            long rows = 1, rowsOfSlot = 1;
            for (int i = ConvLayers.Length - 1; i > 0; i--)
            {
                rows = (rows - 1) * ConvLayers[i].Stride + ConvLayers[i].Kernel;
                rowsOfSlot *= ConvLayers[i].Stride;
                most = (int)Math.Max(most, (rows + rowsOfSlot - 1) / rowsOfSlot);
            }
            return most;
        }
    }

    /// <summary>Frames of an utterance of <paramref name="samples"/> samples at 16 kHz; 0 when it is shorter than <see cref="ReceptiveField"/>.</summary>
    public long Frames(long samples)
        => samples < ReceptiveField ? 0 : (samples - ReceptiveField) / SamplesPerFrame + 1;
}
