namespace WavLM.Cuda;

/// <summary>An utterance as the encoder takes it: 16 kHz, one channel, not normalised.</summary>
/// <param name="Id">Its name, unique in a run.</param>
/// <param name="Samples">The samples.</param>
public sealed record Waveform(string Id, ReadOnlyMemory<float> Samples);
