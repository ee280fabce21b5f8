using System.Globalization;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>The stages of a pass, and which of them an operation belongs to by the weights that it is given.</summary>
internal sealed class StageNames
{
    public const string Waveform = "waveform", Projection = "norm + projection", PositionalConv = "positional conv", Norms = "norms", QueryKeyValue = "qkv",
        Attention = "attention", OutProjection = "out projection", FeedForwardUp = "FFN up + GELU", FeedForwardDown = "FFN down", Compact = "compact";

    private readonly Dictionary<object, string> _byWeights = new(ReferenceEqualityComparer.Instance);

    public StageNames(EncoderWeights weights)
    {
        for (int i = 0; i < weights.StridedConvs.Count; i++) _byWeights.Add(weights.StridedConvs[i], Conv(i + 1));
        _byWeights.Add(weights.FeatureProjection.LayerNorm, Projection);
        if (weights.FeatureProjection.Projection is { } projection) _byWeights.Add(projection, Projection);
        foreach (LayerWeights layer in weights.Layers)
        {
            _byWeights.Add(layer.Attention.QueryKeyValue, QueryKeyValue);
            _byWeights.Add(layer.Attention.OutProjection, OutProjection);
            _byWeights.Add(layer.FeedForward.IntermediateDense, FeedForwardUp);
            _byWeights.Add(layer.FeedForward.OutputDense, FeedForwardDown);
        }
    }

    public static string Conv(int level) => string.Create(CultureInfo.InvariantCulture, $"conv {level}");

    public string Of(NormWeights norm) => _byWeights.GetValueOrDefault(norm, Norms);

    public string Of(LinearWeights weights) => _byWeights[weights];

    public string Of(StridedConvWeights conv) => _byWeights[conv];
}
