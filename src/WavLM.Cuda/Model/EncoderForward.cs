using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Model;

/// <summary>
/// The forward pass, once, for every model and backend (WavLM, arXiv 2110.13900). Each stage states its formula; arithmetic
/// is the backend's. Utterances lie end to end in every tensor and none sees its neighbours.
/// </summary>
internal sealed class EncoderForward(EncoderConfig config, EncoderWeights weights, IBackend backend)
{
    /// <summary>Samples to hidden states 0 .. <paramref name="lastLayer"/>, each handed over as soon as it is final.</summary>
    /// <param name="batch">The utterances.</param>
    /// <param name="lastLayer">The deepest layer that is wanted; nothing behind it is computed.</param>
    /// <param name="finalNorm">Whether layer N of a pre-norm model is what the final norm makes of it.</param>
    /// <param name="hiddenStates">Gets (k, hidden_states[k]), [frames, width] float32, valid during the call.</param>
    /// <param name="cancellationToken">Seen between layers and between tiles.</param>
    public void Run(PackedBatch batch, int lastLayer, bool finalNorm, Action<int, Tensor> hiddenStates, CancellationToken cancellationToken)
    {
        using Tensor x = backend.Rent(batch.Frames, config.Width, ElementType.Float32);
        Embed(batch, x, cancellationToken);                                // [frames, width]
        if (config.PreNorm) PreNormLayers(batch, x, lastLayer, finalNorm, hiddenStates, cancellationToken);
        else PostNormLayers(batch, x, lastLayer, hiddenStates, cancellationToken);
    }

    /// <summary>y = W LN(conv front end(samples)) + b; x = y + GELU(positional conv(y)).</summary>
    private void Embed(PackedBatch batch, Tensor x, CancellationToken cancellationToken)
    {
        using Tensor projected = backend.Rent(batch.Frames, config.Width, ElementType.Float32);
        Project(batch, projected, cancellationToken);                      // [frames, width]
        backend.PositionalConv(batch, projected, weights.PositionalConv, x);
    }

    private void Project(PackedBatch batch, Tensor projected, CancellationToken cancellationToken)
    {
        using Tensor features = backend.Rent(batch.Frames, config.ConvWidth, ElementType.Float32);
        ConvFrontEnd(batch, features, cancellationToken);                  // [frames, conv width]
        if (weights.FeatureProjection.Projection is not { } projection)
        {
            backend.LayerNorm(features, weights.FeatureProjection.LayerNorm, projected);
            return;
        }
        using Tensor normalized = backend.Rent(batch.Frames, config.ConvWidth, backend.OperandType);
        backend.LayerNorm(features, weights.FeatureProjection.LayerNorm, normalized);
        backend.Linear(normalized, projection, projected);
    }

    /// <summary>Seven times GELU(norm(conv(x))), in tiles of time: the first level of an hour would not fit any memory.</summary>
    private void ConvFrontEnd(PackedBatch batch, Tensor features, CancellationToken cancellationToken)
    {
        using Tensor? folded = config.FrontEndNorm == FrontEndNorm.Group ? backend.FoldGroupNorm(batch, weights.FirstConv) : null;
        Tensor taps = folded ?? weights.FirstConv.Taps;
        for (long slot = 0; slot < batch.Slots; slot += backend.FrontEndTileFrames)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long slots = Math.Min(backend.FrontEndTileFrames, batch.Slots - slot);
            using Tensor last = ConvTile(batch, taps, new FrontEndTile(config, slot, slots, backend.RowTile));
            backend.Compact(batch, last, slot, features);
        }
    }

    private Tensor ConvTile(PackedBatch batch, Tensor taps, FrontEndTile tile)
    {
        Tensor x = RentLevel(tile, 0);
        try
        {
            backend.FirstConv(batch, taps, weights.FirstConv, tile.FirstRow, x);
            for (int i = 0; i < weights.StridedConvs.Count; i++)
            {
                using Tensor input = x;
                x = RentLevel(tile, i + 1);
                backend.StridedConv(input, weights.StridedConvs[i], x);
            }
            return x;
        }
        catch
        {
            x.Dispose();
            throw;
        }
    }

    private Tensor RentLevel(FrontEndTile tile, int level) => backend.Rent(
        tile.Rows(level), config.ConvLayers[level].Channels, StridedConvWeights.TypeOfLevel(config, level, backend.OperandType), tile.ReadableRows(level));

    /// <summary>x = LN(x) once; then x = LN1(x + Attn(x)); x = LN2(x + FFN(x)).</summary>
    private void PostNormLayers(PackedBatch batch, Tensor x, int lastLayer, Action<int, Tensor> hiddenStates, CancellationToken cancellationToken)
    {
        using Tensor? rounded = backend.OperandType == ElementType.Float32 ? null : backend.Rent(x.Rows, config.Width, backend.OperandType);
        Tensor operands = rounded ?? x;
        using Tensor? gates = RentGates(x.Rows);
        backend.LayerNorm(x, weights.LayerNorm, x, operands, GateOf(0), gates);
        hiddenStates(0, x);
        for (int i = 0; i < lastLayer; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LayerWeights layer = weights.Layers[i];
            GateWeights? nextGate = GateOf(i + 1);
            backend.Replay(i, batch, [x, operands, gates], () => PostNormLayer(batch, operands, gates, layer, nextGate, x, cancellationToken));
            hiddenStates(i + 1, x);
        }
    }

    private void PostNormLayer(PackedBatch batch, Tensor operands, Tensor? gates, LayerWeights layer, GateWeights? nextGate, Tensor x, CancellationToken cancellationToken)
    {
        AddAttention(batch, operands, gates, layer, x, cancellationToken);
        backend.LayerNorm(x, layer.LayerNorm, x, operands);

        AddFeedForward(operands, layer, x);
        backend.LayerNorm(x, layer.FinalLayerNorm, x, operands, nextGate, gates);
    }

    /// <summary>x += Attn(LN1(x)); x += FFN(LN2(x)); one more norm behind the last layer.</summary>
    private void PreNormLayers(PackedBatch batch, Tensor x, int lastLayer, bool finalNorm, Action<int, Tensor> hiddenStates, CancellationToken cancellationToken)
    {
        using Tensor operands = backend.Rent(x.Rows, config.Width, backend.OperandType);
        using Tensor? gates = RentGates(x.Rows);
        hiddenStates(0, x);
        for (int i = 0; i < lastLayer; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LayerWeights layer = weights.Layers[i];
            backend.Replay(i, batch, [x, operands, gates], () => PreNormLayer(batch, operands, gates, layer, x, cancellationToken));
            if (finalNorm && i == config.Layers - 1) backend.LayerNorm(x, weights.LayerNorm, x);
            hiddenStates(i + 1, x);
        }
    }

    private void PreNormLayer(PackedBatch batch, Tensor operands, Tensor? gates, LayerWeights layer, Tensor x, CancellationToken cancellationToken)
    {
        backend.LayerNorm(x, layer.LayerNorm, operands, operands, layer.Attention.Gate, gates);
        AddAttention(batch, operands, gates, layer, x, cancellationToken);

        backend.LayerNorm(x, layer.FinalLayerNorm, operands);
        AddFeedForward(operands, layer, x);
    }

    /// <summary>x += W_o softmax(q k^T / sqrt(d) + gate bias) v + b_o.</summary>
    private void AddAttention(PackedBatch batch, Tensor operands, Tensor? gates, LayerWeights layer, Tensor x, CancellationToken cancellationToken)
    {
        using Tensor qkv = backend.Rent(x.Rows, 3 * config.Width, backend.OperandType);
        backend.Linear(operands, layer.Attention.QueryKeyValue, qkv);
        using Tensor context = backend.Rent(x.Rows, config.Width, backend.OperandType);
        backend.GatedAttention(batch, qkv, config.Heads, weights.RelativeBias, gates, context, cancellationToken);
        backend.Linear(context, layer.Attention.OutProjection, x, Epilogue.AddToDestination);
    }

    /// <summary>x += W_2 GELU(W_1 u + b_1) + b_2.</summary>
    private void AddFeedForward(Tensor operands, LayerWeights layer, Tensor x)
    {
        using Tensor hidden = backend.Rent(x.Rows, config.FeedForwardWidth, backend.OperandType);
        backend.Linear(operands, layer.FeedForward.IntermediateDense, hidden, Epilogue.GeluErf);
        backend.Linear(hidden, layer.FeedForward.OutputDense, x, Epilogue.AddToDestination);
    }

    /// <summary>The gate of the attention that comes next; null behind the last layer, and in a model without relative bias.</summary>
    private GateWeights? GateOf(int layer) => layer < config.Layers ? weights.Layers[layer].Attention.Gate : null;

    private Tensor? RentGates(long rows) => config.Buckets == 0 ? null : backend.Rent(rows, config.Heads, ElementType.Float32);
}
