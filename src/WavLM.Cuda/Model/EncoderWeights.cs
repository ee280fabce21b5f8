using WavLM.Cuda.Backends;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Model;

/// <summary>The weights of an encoder in a backend's memory, members in the words of the checkpoints.</summary>
/// <param name="FirstConv">feature_extractor.conv_layers.0.</param>
/// <param name="StridedConvs">feature_extractor.conv_layers.1 and on.</param>
/// <param name="FeatureProjection">feature_projection.</param>
/// <param name="PositionalConv">encoder.pos_conv_embed, its weight norm applied.</param>
/// <param name="LayerNorm">encoder.layer_norm.</param>
/// <param name="RelativeBias">encoder.layers.0.attention.rel_attn_embed by distance, times log2(e); null without relative bias.</param>
/// <param name="Layers">encoder.layers.</param>
internal sealed record EncoderWeights(
    FirstConvWeights FirstConv,
    IReadOnlyList<StridedConvWeights> StridedConvs,
    FeatureProjectionWeights FeatureProjection,
    PositionalConvWeights PositionalConv,
    NormWeights LayerNorm,
    RelativeBias? RelativeBias,
    IReadOnlyList<LayerWeights> Layers) : IDisposable
{
    /// <exception cref="CheckpointException">A tensor cannot be read.</exception>
    public static EncoderWeights Load(Checkpoint checkpoint, IBackend backend, CancellationToken cancellationToken)
    {
        backend.Prepare(checkpoint.Config);
        return new EncoderWeightsLoader(checkpoint, backend).Load(cancellationToken);
    }

    public void Dispose()
    {
        FirstConv.Dispose();
        foreach (StridedConvWeights conv in StridedConvs) conv.Dispose();
        FeatureProjection.Dispose();
        PositionalConv.Dispose();
        LayerNorm.Dispose();
        RelativeBias?.Dispose();
        foreach (LayerWeights layer in Layers) layer.Dispose();
    }
}

/// <summary>feature_projection: a layer norm and a linear map, which a model as wide as its front end may lack.</summary>
internal sealed record FeatureProjectionWeights(NormWeights LayerNorm, LinearWeights? Projection) : IDisposable
{
    public void Dispose()
    {
        LayerNorm.Dispose();
        Projection?.Dispose();
    }
}

/// <summary>One transformer layer: attention with layer_norm, feed_forward with final_layer_norm.</summary>
internal sealed record LayerWeights(AttentionWeights Attention, NormWeights LayerNorm, FeedForwardWeights FeedForward, NormWeights FinalLayerNorm) : IDisposable
{
    public void Dispose()
    {
        Attention.Dispose();
        LayerNorm.Dispose();
        FeedForward.Dispose();
        FinalLayerNorm.Dispose();
    }
}

/// <summary>attention: q_proj, k_proj and v_proj stacked, out_proj, and the gate of the relative bias.</summary>
/// <param name="QueryKeyValue">The rows of q are scaled by log2(e) / sqrt(head width), so that scores come out as exponents of two.</param>
/// <param name="OutProjection">out_proj.</param>
/// <param name="Gate">gru_rel_pos_linear and gru_rel_pos_const; null without relative bias.</param>
internal sealed record AttentionWeights(LinearWeights QueryKeyValue, LinearWeights OutProjection, GateWeights? Gate) : IDisposable
{
    public void Dispose()
    {
        QueryKeyValue.Dispose();
        OutProjection.Dispose();
        Gate?.Dispose();
    }
}

/// <summary>feed_forward: up, GELU, down.</summary>
internal sealed record FeedForwardWeights(LinearWeights IntermediateDense, LinearWeights OutputDense) : IDisposable
{
    public void Dispose()
    {
        IntermediateDense.Dispose();
        OutputDense.Dispose();
    }
}
