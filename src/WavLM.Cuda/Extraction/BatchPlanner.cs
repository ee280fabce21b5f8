using WavLM.Cuda.Model;

namespace WavLM.Cuda.Extraction;

/// <summary>
/// Cuts a window of utterances into batches of about equal cost. Nothing is padded, so a batch may mix lengths; the longest go
/// first so that what is left at a window's end is small.
/// </summary>
/// <param name="config">The model: its width says when attention's quadratic part weighs.</param>
/// <param name="batchSeconds">Audio a batch.</param>
internal sealed class BatchPlanner(EncoderConfig config, double batchSeconds)
{
    private readonly double _budget = batchSeconds * Audio.Resampler.TargetRate / config.SamplesPerFrame;

    /// <summary>
    /// In frames. A layer takes about 24 width^2 operations a frame for its linear maps and 4 width frames for its attention:
    /// with T frames that is T (1 + T / (6 width)).
    /// </summary>
    public double Cost(long samples)
    {
        double frames = config.Frames(samples);
        return frames * (1 + frames / (6.0 * config.Width));
    }

    /// <summary>Batches of at most the budget; what alone costs more is a batch of its own.</summary>
    /// <param name="utterances">A window, in input order.</param>
    /// <param name="samples">Of an utterance.</param>
    public IEnumerable<List<T>> Plan<T>(IEnumerable<T> utterances, Func<T, long> samples)
    {
        List<T> batch = [];
        double total = 0;
        foreach (T utterance in utterances.OrderByDescending(samples))   // stable: equal lengths keep their order
        {
            double cost = Cost(samples(utterance));
            if (batch.Count > 0 && total + cost > _budget)
            {
                yield return batch;
                batch = [];
                total = 0;
            }
            batch.Add(utterance);
            total += cost;
        }
        if (batch.Count > 0) yield return batch;
    }
}
