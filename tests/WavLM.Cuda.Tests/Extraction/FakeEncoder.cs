using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Extraction;

/// <summary>An encoder whose features tell which samples they were made of; a test can make it fail.</summary>
internal sealed class FakeEncoder : IFeatureEncoder
{
    private readonly Lock _lock = new();

    public EncoderConfig Config { get; } = new()
    {
        ModelType = "wavlm", Width = 4, Layers = 3, Heads = 2, FeedForwardWidth = 8,
        ConvLayers = [new(8, 10, 5), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 3, 2), new(8, 2, 2), new(8, 2, 2)],
        ConvBias = false, FrontEndNorm = FrontEndNorm.Group, PreNorm = false, LayerNormEpsilon = 1e-5,
        PositionalKernel = 128, PositionalGroups = 2, Buckets = 320, MaxBucketDistance = 800,
    };

    /// <summary>The ids of every call, in order.</summary>
    public List<string[]> Batches { get; } = [];

    /// <summary>Is called inside each pass, before it has a result.</summary>
    public Action<IReadOnlyList<Waveform>, CancellationToken>? OnEncode { get; set; }

    /// <summary>The utterance and the layer that come out with a NaN.</summary>
    public (string Id, int Layer)? NonFinite { get; set; }

    public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
    {
        lock (_lock) Batches.Add([.. batch.Select(w => w.Id)]);
        OnEncode?.Invoke(batch, cancellationToken);
        return [.. batch.Select(w => Of(w, layers))];
    }

    public Features Of(Waveform waveform, LayerSelection layers)
    {
        int frames = (int)Config.Frames(waveform.Samples.Length);
        float[][] values = [.. layers.Layers.Select(layer => Values(waveform, frames, layer))];
        if (NonFinite is (string id, int bad) && id == waveform.Id) values[layers.Layers.ToList().IndexOf(bad)][^1] = float.NaN;
        return new Features(waveform.Id, Config.Width, layers.Layers, values);
    }

    private float[] Values(Waveform waveform, int frames, int layer)
    {
        float[] values = new float[frames * Config.Width];
        for (int i = 0; i < values.Length; i++) values[i] = waveform.Samples.Span[i / Config.Width * 320] + layer + 0.001f * (i % Config.Width);
        return values;
    }
}
