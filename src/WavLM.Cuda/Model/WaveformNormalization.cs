using System.Buffers;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.Model;

/// <summary>What happens to an utterance's samples before the first convolution; statistics are over all of them, in float64.</summary>
/// <param name="Normalize">(x - mean) / sqrt(var + epsilon), by utterance.</param>
/// <param name="Epsilon">1e-7 for Hugging Face, 1e-5 elsewhere: on quiet recordings the two differ visibly.</param>
/// <param name="Center">
/// x - mean, for a front end whose GroupNorm takes every offset out again: speech that rides on one then keeps its bits.
/// </param>
internal readonly record struct WaveformNormalization(bool Normalize, double Epsilon, bool Center)
{
    /// <exception cref="ArgumentException">A sample is not finite.</exception>
    public Tensor Upload(Waveform waveform, IBackend backend)
    {
        ReadOnlySpan<float> samples = waveform.Samples.Span;
        (double mean, double variance) = Statistics(samples);
        if (!double.IsFinite(mean) || !double.IsFinite(variance))
            throw new ArgumentException($"{waveform.Id}: a sample is NaN or infinite, expected finite samples; repair the recording", nameof(waveform));
        if (!Normalize && !Center) return backend.Upload(samples);

        double scale = Normalize ? 1 / Math.Sqrt(variance + Epsilon) : 1;
        float[] prepared = ArrayPool<float>.Shared.Rent(samples.Length);
        try
        {
            for (int i = 0; i < samples.Length; i++) prepared[i] = (float)((samples[i] - mean) * scale);
            return backend.Upload(prepared.AsSpan(0, samples.Length));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(prepared);
        }
    }

    private static (double Mean, double Variance) Statistics(ReadOnlySpan<float> samples)
    {
        double sum = 0;
        foreach (float sample in samples) sum += sample;
        double mean = sum / samples.Length;
        double squares = 0;
        foreach (float sample in samples) squares += (sample - mean) * (sample - mean);
        return (mean, squares / samples.Length);
    }
}
