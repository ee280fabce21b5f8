using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Every tensor of an encoder by its canonical name: Hugging Face's, without a model prefix, the positional weight norm as parametrizations.</summary>
internal static class EncoderTensors
{
    /// <summary>The vector that masks frames in training. Not used here; a checkpoint may hold it or not.</summary>
    public const string Mask = "masked_spec_embed";

    /// <summary>Gain of the positional convolution's weight norm, [1, 1, kernel].</summary>
    public const string PositionalGain = "encoder.pos_conv_embed.conv.parametrizations.weight.original0";

    /// <summary>Direction of the positional convolution's weight norm, [width, width / groups, kernel].</summary>
    public const string PositionalDirection = "encoder.pos_conv_embed.conv.parametrizations.weight.original1";

    /// <summary>Names and shapes that a checkpoint of these sizes must hold, <see cref="Mask"/> aside.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Of(EncoderConfig config)
    {
        long width = config.Width;
        long input = 1;
        for (int c = 0; c < config.ConvLayers.Length; c++)
        {
            ConvLayer conv = config.ConvLayers[c];
            string name = $"feature_extractor.conv_layers.{c}";
            yield return ($"{name}.conv.weight", [conv.Channels, input, conv.Kernel]);
            if (config.ConvBias) yield return ($"{name}.conv.bias", [conv.Channels]);
            if (config.FrontEndNorm == FrontEndNorm.Layer || c == 0)
                foreach (var tensor in Norm($"{name}.layer_norm", conv.Channels)) yield return tensor;
            input = conv.Channels;
        }

        foreach (var tensor in Norm("feature_projection.layer_norm", config.ConvWidth)) yield return tensor;
        if (config.Projection)
            foreach (var tensor in Linear("feature_projection.projection", width, config.ConvWidth)) yield return tensor;

        yield return ("encoder.pos_conv_embed.conv.bias", [width]);
        yield return (PositionalGain, [1, 1, config.PositionalKernel]);
        yield return (PositionalDirection, [width, width / config.PositionalGroups, config.PositionalKernel]);
        foreach (var tensor in Norm("encoder.layer_norm", width)) yield return tensor;

        for (int i = 0; i < config.Layers; i++)
            foreach (var tensor in Layer(config, i)) yield return tensor;
    }

    private static readonly string[] Projections = ["q_proj", "k_proj", "v_proj", "out_proj"];

    private static IEnumerable<(string Name, long[] Shape)> Layer(EncoderConfig config, int i)
    {
        string layer = $"encoder.layers.{i}";
        long width = config.Width, inner = config.FeedForwardWidth;
        foreach (string projection in Projections)
            foreach (var tensor in Linear($"{layer}.attention.{projection}", width, width)) yield return tensor;
        if (config.Buckets > 0)
        {
            foreach (var tensor in Linear($"{layer}.attention.gru_rel_pos_linear", 8, config.HeadWidth)) yield return tensor;
            yield return ($"{layer}.attention.gru_rel_pos_const", [1, config.Heads, 1, 1]);
            if (i == 0) yield return ($"{layer}.attention.rel_attn_embed.weight", [config.Buckets, config.Heads]);   // one table for all layers
        }
        foreach (var tensor in Norm($"{layer}.layer_norm", width)) yield return tensor;
        foreach (var tensor in Linear($"{layer}.feed_forward.intermediate_dense", inner, width)) yield return tensor;
        foreach (var tensor in Linear($"{layer}.feed_forward.output_dense", width, inner)) yield return tensor;
        foreach (var tensor in Norm($"{layer}.final_layer_norm", width)) yield return tensor;
    }

    private static IEnumerable<(string Name, long[] Shape)> Norm(string name, long width)
        => [($"{name}.weight", [width]), ($"{name}.bias", [width])];

    private static IEnumerable<(string Name, long[] Shape)> Linear(string name, long output, long input)
        => [($"{name}.weight", [output, input]), ($"{name}.bias", [output])];
}
