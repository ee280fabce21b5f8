using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Model;

/// <summary>
/// What becomes of the hidden states of one batch: which are kept, summed, pooled or looked up, and their way to the host.
/// All of it on the device, so that only results are copied.
/// </summary>
internal sealed class FeaturePass(EncoderForward forward, EncoderConfig config, bool finalNorm, IBackend backend)
{
    /// <summary>The layers wanted, each copied as soon as it is final; pooled ones leave together at the end.</summary>
    /// <returns>By layer and utterance: [frames, width], or [1, pooled width].</returns>
    public float[][][] Layers(PackedBatch batch, IReadOnlyList<int> layers, Pooling pooling, CancellationToken cancellationToken)
    {
        var values = new float[layers.Count][][];
        using IHostCopies copies = backend.CopyToHost();
        using Tensor? pooled = pooling == Pooling.None ? null : backend.Rent((long)layers.Count * batch.Count, PooledWidth(pooling), ElementType.Float32);
        forward.Run(batch, layers.Max(), finalNorm, (layer, hiddenStates) =>
        {
            int place = IndexOf(layers, layer);
            if (place < 0) return;
            values[place] = pooled is null ? FrameArrays<float>(batch, config.Width) : UtteranceArrays(batch.Count, pooled.Columns);
            if (pooled is null) copies.Add(hiddenStates, values[place]);
            else backend.Pool(batch, hiddenStates, pooling == Pooling.MeanAndDeviation, pooled, (long)place * batch.Count);
        }, cancellationToken);
        if (pooled is not null) copies.Add<float>(pooled, values.SelectMany(ofLayer => ofLayer).ToArray());
        copies.Finish();
        return values;
    }

    /// <summary>sum_k weights[k] hidden_states[k], pooled or not; layers behind the last weight that is not zero are not computed.</summary>
    /// <returns>By utterance: [frames, width], or [1, pooled width].</returns>
    public float[][] WeightedSum(PackedBatch batch, ReadOnlyMemory<float> weights, Pooling pooling, CancellationToken cancellationToken)
    {
        int last = Math.Max(0, weights.Span.LastIndexOfAnyExcept(0f)), summed = 0;
        using IHostCopies copies = backend.CopyToHost();
        using Tensor sum = backend.Rent(batch.Frames, config.Width, ElementType.Float32);
        forward.Run(batch, last, finalNorm, (layer, hiddenStates) =>
        {
            float weight = weights.Span[layer];
            if (weight != 0 || layer == last) backend.WeightedSum(hiddenStates, weight, sum, first: summed++ == 0);
        }, cancellationToken);

        float[][] values = pooling == Pooling.None ? FrameArrays<float>(batch, config.Width) : UtteranceArrays(batch.Count, PooledWidth(pooling));
        if (pooling == Pooling.None)
        {
            copies.Add(sum, values);
            copies.Finish();
            return values;
        }
        using Tensor pooled = backend.Rent(batch.Count, PooledWidth(pooling), ElementType.Float32);
        backend.Pool(batch, sum, pooling == Pooling.MeanAndDeviation, pooled, firstRow: 0);
        copies.Add(pooled, values);
        copies.Finish();
        return values;
    }

    /// <summary>For each frame of a layer the nearest of the centroids.</summary>
    /// <returns>By utterance: [frames].</returns>
    public int[][] NearestCentroids(PackedBatch batch, int layer, ReadOnlyMemory<float> centroids, CancellationToken cancellationToken)
    {
        using IHostCopies copies = backend.CopyToHost();
        using Tensor onDevice = backend.Keep(centroids.Span, centroids.Length / config.Width, config.Width);
        using Tensor indices = backend.Rent(batch.Frames, 1, ElementType.Int32);
        forward.Run(batch, layer, finalNorm, (k, hiddenStates) =>
        {
            if (k == layer) backend.NearestCentroid(hiddenStates, onDevice, indices);
        }, cancellationToken);
        int[][] values = FrameArrays<int>(batch, columns: 1);
        copies.Add(indices, values);
        copies.Finish();
        return values;
    }

    /// <summary>Values a row once pooled.</summary>
    public int PooledWidth(Pooling pooling) => pooling == Pooling.MeanAndDeviation ? 2 * config.Width : config.Width;

    private static T[][] FrameArrays<T>(PackedBatch batch, int columns)
    {
        var arrays = new T[batch.Count][];
        for (int i = 0; i < arrays.Length; i++) arrays[i] = GC.AllocateUninitializedArray<T>(checked((int)(batch[i].Frames * columns)));
        return arrays;
    }

    private static float[][] UtteranceArrays(int count, int columns)
    {
        var arrays = new float[count][];
        for (int i = 0; i < arrays.Length; i++) arrays[i] = new float[columns];
        return arrays;
    }

    private static int IndexOf(IReadOnlyList<int> layers, int layer)
    {
        for (int i = 0; i < layers.Count; i++)
        {
            if (layers[i] == layer) return i;
        }
        return -1;
    }
}
