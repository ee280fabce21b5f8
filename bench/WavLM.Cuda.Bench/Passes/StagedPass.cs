using WavLM.Cuda.Bench.Timing;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>A pass with a mark around each operation: what the device does, without the host's work before and behind it.</summary>
internal static class StagedPass
{
    /// <summary>Seconds by stage, in the order in which they were met.</summary>
    /// <exception cref="DeviceMemoryException">The batch does not fit.</exception>
    public static IReadOnlyList<KeyValuePair<string, double>> Time(SpeechEncoder encoder, IReadOnlyList<Waveform> waveforms) => encoder.Run((backend, weights, normalization) =>
    {
        using DeviceClock clock = DeviceClock.Of(backend);
        TimedBackend timed = new(backend, clock, new StageNames(weights));
        timed.Reset();
        using PackedBatch batch = PackedBatch.Create(waveforms, encoder.Config, normalization, timed);
        new EncoderForward(encoder.Config, weights, timed).Run(batch, encoder.Config.Layers, finalNorm: true, static (_, _) => { }, CancellationToken.None);
        return timed.Seconds();
    });
}
