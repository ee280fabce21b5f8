namespace WavLM.Cuda.Model;

/// <summary>What happens to an utterance's samples before the first convolution; statistics are over all of them, in float64.</summary>
/// <param name="Normalize">(x - mean) / sqrt(var + epsilon), by utterance; var is the biased variance.</param>
/// <param name="Epsilon">1e-7 for Hugging Face, 1e-5 elsewhere: on quiet recordings the two differ visibly.</param>
/// <param name="Center">
/// x - mean, for a front end whose GroupNorm takes every offset out again: speech that rides on one then keeps its bits.
/// </param>
internal readonly record struct WaveformNormalization(bool Normalize, double Epsilon, bool Center)
{
    /// <summary>Whether samples stay as they are.</summary>
    public bool IsNone => !Normalize && !Center;
}
