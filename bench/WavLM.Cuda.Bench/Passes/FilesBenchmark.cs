using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Audio;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>
/// From FLAC files to feature files, as `wavlm extract` does it. Decoding, encoding and writing run side by side there; so each is
/// timed alone too, and the one that takes longest is what the whole waits for.
/// </summary>
internal sealed class FilesBenchmark(SpeechEncoder encoder, string model, string folder, double batchSeconds, int runs)
{
    private const double QuietDeviation = 1e-3;

    private readonly LayerSelection _last = LayerSelection.Parse("last", encoder.Config);

    /// <summary>Writes utterances of these lengths, cut from recordings that are repeated as needed, with a little noise so that no two are alike.</summary>
    /// <exception cref="BenchException">No recording can be read, or no file written.</exception>
    public void WriteCorpus(IReadOnlyList<string> recordings, IReadOnlyList<int> samples)
    {
        List<float> speech = [];
        foreach (AudioInput input in AudioInputs.Find(recordings))
        {
            try
            {
                using AudioFile file = AudioFile.Open(input.Source);
                float[] channel = file.Read(ChannelSelection.Mean, CancellationToken.None)[0];
                speech.AddRange(file.SampleRate == Resampler.TargetRate ? channel : Resampler.To16kHz(channel, file.SampleRate));
            }
            catch (AudioException e)
            {
                throw new BenchException(e.Message, e);
            }
        }
        if (speech.Count == 0) throw new BenchException($"no recording among {string.Join(", ", recordings)}; name audio files or folders with some");
        Directory.CreateDirectory(Corpus);
        var random = new Random(1);
        int place = 0;
        for (int i = 0; i < samples.Count; i++)
        {
            var utterance = new float[samples[i]];
            foreach (ref float sample in utterance.AsSpan())
            {
                sample = Math.Clamp(speech[place] + (float)(QuietDeviation * (random.NextDouble() - 0.5)), -1, 1);
                place = (place + 1) % speech.Count;
            }
            FlacFile.Write(Path.Combine(Corpus, string.Create(CultureInfo.InvariantCulture, $"utterance-{i:0000}.flac")), utterance, Resampler.TargetRate);
        }
    }

    /// <summary>Runs over the corpus, the first of them not counted.</summary>
    public Measurement Measure()
    {
        ExtractionPlan plan = ExtractionPlan.Make(AudioInputs.Find([Corpus]), ChannelSelection.Mean, encoder.Config, _last, CancellationToken.None);
        List<double> whole = [], encode = [];
        BatchRecorder recorder = new(encoder);
        for (int run = 0; run <= runs; run++)
        {
            recorder.Reset();
            double seconds = Seconds(() => Extract(plan, recorder));
            if (run == 0) continue;
            whole.Add(seconds);
            encode.Add(recorder.Seconds);
        }
        double compute = recorder.Batches.Sum(batch => StagedPass.Time(encoder, batch).Sum(static stage => stage.Value));
        return new("files", "files", $"{model} {plan.Rows} files", encoder.Precision.CommandLineName())
        {
            Seconds = whole,
            AudioSeconds = plan.Seconds,
            Bytes = plan.OutputBytes,
            Stages =
            [
                new("decode, on a thread of its own", Seconds(() => DecodeAll(plan))),
                new("compute", compute),
                new("copy and host", Math.Max(0, Statistics.Median(encode) - compute)),
                new("write, on a thread of its own", Seconds(() => WriteAll(recorder.Features))),
            ],
        };
    }

    private string Corpus => Path.Combine(folder, "corpus");

    private void Extract(ExtractionPlan plan, IFeatureEncoder through)
    {
        OutputFolder output = OutputFolder.Open(Fresh("features"));
        FeatureSettings settings = new()
        {
            Convention = FeatureConvention.CommandLineName(encoder.Convention.Convention), Normalised = encoder.Convention.Normalize,
            NormalisationEpsilon = encoder.Convention.Epsilon, NormalisationSource = encoder.Convention.NormalizeSource, FinalNorm = encoder.Convention.FinalNorm, Precision = encoder.Precision, ModelSha256 = "", DeviceSet = encoder.DeviceSet,
        };
        ExtractionResult result = new ExtractionRun(through, plan, output, settings, batchSeconds, new Silence()).RunAsync(CancellationToken.None).GetAwaiter().GetResult();
        if (result.End != ExtractionEnd.Complete || result.Failed > 0)
            throw new BenchException($"{result.Done} of {plan.Rows} utterances were written, expected all: {result.DeviceMessage ?? "see the manifest in " + output.FullPath}");
    }

    private void DecodeAll(ExtractionPlan plan)
    {
        foreach (Window window in new UtteranceDecoder(plan, encoder.Config, batchSeconds).Windows(CancellationToken.None))
        {
            if (window.Failures is [{ } failed, ..]) throw new BenchException($"{failed.Source}: {failed.Error}");
        }
    }

    private void WriteAll(IReadOnlyList<Features> features)
    {
        string output = Directory.CreateDirectory(Fresh("written-alone")).FullName;
        foreach (Features utterance in features) NpyFile.Write(Path.Combine(output, utterance.Id + ".npy"), utterance);
    }

    private string Fresh(string name)
    {
        string path = Path.Combine(folder, name);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        return path;
    }

    private static double Seconds(Action action)
    {
        long begin = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    /// <summary>Keeps what went through an encoder, and how long it took.</summary>
    private sealed class BatchRecorder(SpeechEncoder inner) : IFeatureEncoder
    {
        private readonly List<IReadOnlyList<Waveform>> _batches = [];
        private readonly List<Features> _features = [];

        public EncoderConfig Config => inner.Config;

        public IReadOnlyList<IReadOnlyList<Waveform>> Batches => _batches;

        public IReadOnlyList<Features> Features => _features;

        public double Seconds { get; private set; }

        public Features[] Encode(IReadOnlyList<Waveform> batch, LayerSelection layers, CancellationToken cancellationToken)
        {
            long begin = Stopwatch.GetTimestamp();
            Features[] features = inner.Encode(batch, layers, cancellationToken);
            Seconds += Stopwatch.GetElapsedTime(begin).TotalSeconds;
            _batches.Add(batch);
            _features.AddRange(features);
            return features;
        }

        public void Reset()
        {
            _batches.Clear();
            _features.Clear();
            Seconds = 0;
        }
    }

    private sealed class Silence : IExtractionObserver
    {
        public void Warned(string message)
        {
        }

        public void Finished(ManifestRow row)
        {
        }
    }
}
