using System.Globalization;
using System.Numerics.Tensors;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Extraction;

/// <summary>Consecutive utterances that are batched together, and the inputs among them that failed.</summary>
/// <param name="Utterances">In input order.</param>
/// <param name="Failures">In input order.</param>
internal sealed record Window(List<Utterance> Utterances, List<Outcome> Failures);

/// <summary>Decodes a plan's files window by window.</summary>
internal sealed class UtteranceDecoder(ExtractionPlan plan, EncoderConfig config, double batchSeconds)
{
    // Enough for lengths to sort by; and no more audio than some batches need, as it waits in memory.
    private const int WindowUtterances = 64;
    private const int WindowBatches = 8;

    private readonly long _windowSamples = (long)(WindowBatches * batchSeconds * Resampler.TargetRate);

    /// <summary>The windows, in input order. A file's channels are never in two of them.</summary>
    public IEnumerable<Window> Windows(CancellationToken cancellationToken)
    {
        Window window = new([], []);
        long samples = 0;
        int row = 0;
        foreach (PlannedFile file in plan.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long next = file.Rows * file.Samples;
            int gathered = window.Utterances.Count + window.Failures.Count;
            if (gathered > 0 && (gathered + file.Rows > WindowUtterances || samples + next > _windowSamples))
            {
                yield return window;
                window = new([], []);
                samples = 0;
            }
            Decode(file, row, window, cancellationToken);
            samples += next;
            row += file.Rows;
        }
        yield return window;
    }

    private void Decode(PlannedFile planned, int row, Window window, CancellationToken cancellationToken)
    {
        if (planned.Error is not null)
        {
            window.Failures.Add(Outcome.Failed(planned, row, planned.Error));
            return;
        }
        try
        {
            using AudioFile file = AudioFile.Open(planned.Source);
            if (file.Channels != planned.Channels)
                throw new AudioException(planned.Source, $"changed while it was waiting: found {file.Channels} channels, expected {planned.Channels}");
            float[][] channels = file.Read(plan.Channel, cancellationToken);
            for (int i = 0; i < channels.Length; i++)
            {
                float[] samples = file.SampleRate == Resampler.TargetRate ? channels[i] : Resampler.To16kHz(channels[i], file.SampleRate);
                channels[i] = [];   // the original is not kept beside its resampled form
                string id = plan.Channel.IsEach ? string.Create(CultureInfo.InvariantCulture, $"{planned.Id}-ch{i}") : planned.Id;
                int? channel = plan.Channel.IsEach ? i : plan.Channel.Channel;
                Utterance utterance = new(row + i, planned.Source, channel, file.SampleRate, new(id, samples));
                if (!TensorPrimitives.IsFiniteAll<float>(samples)) window.Failures.Add(Outcome.Failed(utterance, NotFinite(file.SampleRate)));
                else if (samples.Length >= config.ReceptiveField) window.Utterances.Add(utterance);
                else window.Failures.Add(Outcome.Failed(utterance, TooShort(samples.Length)));
            }
        }
        catch (AudioException e)
        {
            window.Failures.Add(Outcome.Failed(planned, row, e.Problem));
        }
        catch (OutOfMemoryException)
        {
            window.Failures.Add(Outcome.Failed(planned, row, $"about {planned.Samples:N0} samples do not fit into memory; cut the recording into parts"));
        }
    }

    // Finite samples near float32's limit overflow when they are resampled.
    private static string NotFinite(int rate) => string.Create(CultureInfo.InvariantCulture,
        $"found samples that are not finite once resampled from {rate} Hz, expected samples of about -1 to 1; scale the recording down");

    private string TooShort(int samples) => string.Create(CultureInfo.InvariantCulture,
        $"too short: found {samples} samples at 16 kHz, expected at least the {config.ReceptiveField} that one frame sees; leave it out, or join it to its neighbour");
}
