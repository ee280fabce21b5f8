using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    /// <inheritdoc />
    public void Prepare(EncoderConfig config)
    {
        // All at once, so that they are compiled side by side and while the weights are read. Sums, pools and centroids are
        // left out: most users never ask for them.
        PrepareFrontEnd(config);
        _layerNorms.Prepare(new(config.ConvWidth, Heads: 0, Gelu: false));
        _positionalConvs.Prepare(new(config.Width / config.PositionalGroups, config.PositionalKernel));
        _layerNorms.Prepare(new(config.Width, Heads: 0, Gelu: false));
        if (config.Buckets > 0) _layerNorms.Prepare(new(config.Width, config.Heads, Gelu: false));
        _attentions.Prepare(new(config.HeadWidth, Biased: config.Buckets > 0));
        _gelus.Prepare(config.FeedForwardWidth);
    }

    private void PrepareFrontEnd(EncoderConfig config)
    {
        ConvLayer first = config.ConvLayers[0];
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        // Centred in front of a GroupNorm, normalised in front of layer norms, unless the user wants it otherwise.
        _waveformStatistics.Prepare(false);
        if (!group) _waveformStatistics.Prepare(true);
        _normalizeWaveforms.Prepare(!group);
        _chunkSums.Prepare(ChunkSumWarps);
        if (group)
        {
            _windowMoments.Prepare(new(first.Kernel, first.Stride, first.Channels));
            _groupNormFolds.Prepare(new(first.Kernel, first.Stride, first.Channels));
        }
        _firstConvs.Prepare(new(first.Kernel, first.Stride, first.Channels, config.SamplesPerFrame / first.Stride, group, !group));
        foreach (ConvLayer later in config.ConvLayers[1..])
        {
            if (group) _gelus.Prepare(later.Channels);
            else _layerNorms.Prepare(new(later.Channels, Heads: 0, Gelu: true));
        }
        _compacts.Prepare(config.ConvWidth);
    }
}
