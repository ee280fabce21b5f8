using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization) => _workers.For(batch.Count, (_, utterance) =>
    {
        Span<float> samples = Floats(batch[(int)utterance].Samples);
        double sum = 0;
        foreach (float sample in samples) sum += sample;
        double mean = sum / samples.Length, scale = 1;
        if (normalization.Normalize)
        {
            double squares = 0;
            foreach (float sample in samples) squares += (sample - mean) * (sample - mean);
            scale = 1 / Math.Sqrt(squares / samples.Length + normalization.Epsilon);
        }
        foreach (ref float sample in samples) sample = (float)((sample - mean) * scale);
    });
}
