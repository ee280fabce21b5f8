using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;
using static WavLM.Cuda.Backends.Cuda.CudaBackend;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>Which kernels a model is computed with: what is compiled before it is run, and what is looked at without running it.</summary>
internal static class ModelKernels
{
    /// <summary>What is done with hidden states, whatever the model.</summary>
    public static IEnumerable<KernelVariant> Reductions { get; } =
        [WeightedSumKernel(first: true), WeightedSumKernel(first: false), PoolKernel(withDeviation: false), PoolKernel(withDeviation: true), NearestCentroidKernel()];

    /// <summary>Every kernel of the forward pass.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="operands">Type of its matrix operands.</param>
    public static IEnumerable<KernelVariant> Of(EncoderConfig config, ElementType operands)
        => Waveforms(config).Concat(FrontEnd(config, operands)).Concat(Transformer(config, operands)).DistinctBy(static variant => variant.Name);

    private static IEnumerable<KernelVariant> Waveforms(EncoderConfig config)
    {
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        // Centred in front of a GroupNorm, normalised in front of layer norms, unless the user wants it otherwise.
        yield return WaveformStatisticsKernel(squares: false);
        if (!group) yield return WaveformStatisticsKernel(squares: true);
        yield return NormalizeWaveformKernel(scale: !group);
        yield return ChunkSumsKernel(ChunkSumWarps);
    }

    private static IEnumerable<KernelVariant> FrontEnd(EncoderConfig config, ElementType operands)
    {
        bool group = config.FrontEndNorm == FrontEndNorm.Group;
        ConvLayer first = config.ConvLayers[0];
        if (group)
        {
            var fold = new FoldVariant(first.Kernel, first.Stride, first.Channels);
            yield return fold.DescribeMoments();
            yield return fold.DescribeFold();
        }
        yield return new FirstConvVariant(first.Kernel, first.Stride, first.Channels, config.SamplesPerFrame / first.Stride, group, !group, StridedConvWeights.TypeOfLevel(config, 0, operands)).Describe();
        for (int level = 1; level < config.ConvLayers.Length; level++)
        {
            ElementType results = StridedConvWeights.TypeOfLevel(config, level, operands);
            ElementType sums = SumsOfConv(config.ConvLayers[level], StridedConvWeights.OperandsFor(config.ConvLayers[level - 1].Channels, operands), results);
            int channels = config.ConvLayers[level].Channels;
            yield return group ? new GeluVariant(channels, sums, results).Describe() : new LayerNormVariant(channels, Heads: 0, Gelu: true, sums, results, Operands: null).Describe();
        }
        yield return CompactKernel(config.ConvWidth);
    }

    private static IEnumerable<KernelVariant> Transformer(EncoderConfig config, ElementType operands)
    {
        const ElementType Stream = ElementType.Float32;
        // Beside a float32 stream float32 operands are the stream itself.
        ElementType? besideStream = operands == Stream ? null : operands;
        int heads = config.Buckets > 0 ? config.Heads : 0;
        yield return new LayerNormVariant(config.ConvWidth, Heads: 0, Gelu: false, Stream, config.Projection ? operands : Stream, Operands: null).Describe();
        yield return operands == Stream
            ? new PositionalConvShape(config.Width / config.PositionalGroups, config.PositionalKernel).Describe()
            : new PositionalConvTensorCoresShape(config.Width / config.PositionalGroups, config.PositionalKernel, operands).Describe();
        if (config.PreNorm)
        {
            yield return new LayerNormVariant(config.Width, heads, Gelu: false, Stream, operands, Operands: null).Describe();
            yield return new LayerNormVariant(config.Width, Heads: 0, Gelu: false, Stream, operands, Operands: null).Describe();
            yield return new LayerNormVariant(config.Width, Heads: 0, Gelu: false, Stream, Stream, Operands: null).Describe();
        }
        else
        {
            yield return new LayerNormVariant(config.Width, heads, Gelu: false, Stream, Stream, besideStream).Describe();
            yield return new LayerNormVariant(config.Width, Heads: 0, Gelu: false, Stream, Stream, besideStream).Describe();
        }
        yield return new AttentionVariant(config.HeadWidth, Biased: config.Buckets > 0, operands).Describe();
        yield return new GeluVariant(config.FeedForwardWidth, operands, operands).Describe();
    }
}
