namespace WavLM.Cuda.Extraction;

/// <summary>Writes feature files as they come and the manifest's rows in input order.</summary>
internal sealed class FeatureWriter(OutputFolder folder, FeatureSettings settings, int rows, IExtractionObserver observer)
{
    private readonly Manifest _manifest = new(folder.FullPath);
    private readonly (ManifestRow Row, int Rows)?[] _waiting = new (ManifestRow, int)?[rows];
    private int _next;

    public int Done { get; private set; }

    public int Failed { get; private set; }

    /// <summary>Time until the manifest should be written; null while nothing waits for it.</summary>
    public TimeSpan? UntilDue => _manifest.UntilDue;

    public void Write(Outcome outcome)
    {
        ManifestRow row = outcome.Error is null ? WriteFeatures(outcome) : FailedRow(outcome, outcome.Error);
        if (row.Error is null) Done++;
        else Failed++;
        _waiting[outcome.Row] = (row, outcome.Rows);
        while (_next < rows && PassNext()) { }
        observer.Finished(row);
    }

    /// <summary>Writes the manifest's rows that wait.</summary>
    public void WriteManifest() => _manifest.Write();

    /// <summary>Ends the manifest. After a run that was stopped, rows whose turn never came follow in input order.</summary>
    public void Complete()
    {
        while (_next < rows)
        {
            if (!PassNext()) _next++;
        }
        _manifest.Write();
    }

    private bool PassNext()
    {
        if (_waiting[_next] is not (ManifestRow row, int taken)) return false;
        _manifest.Add(row.ToLine(settings));
        _waiting[_next] = null;
        _next += taken;   // a file whose channels failed together has one row for all of them
        return true;
    }

    private ManifestRow WriteFeatures(Outcome outcome)
    {
        Features features = outcome.Features!;
        if (features.NonFiniteLayer is int layer)
            return FailedRow(outcome, $"{outcome.Id}: found a feature of layer {layer} that is not finite, expected finite ones of finite audio; {Remedy}");
        try
        {
            (string full, string relative) = folder.FileFor(outcome.Id);
            string sha256 = NpyFile.Write(full, features);
            Utterance utterance = outcome.Utterance!;
            return new(outcome.Id, outcome.Source)
            {
                Channel = utterance.Channel,
                Samples = utterance.Waveform.Samples.Length,
                SourceRate = utterance.SourceRate,
                Frames = features.FrameCount,
                Width = features.Width,
                Layers = features.Layers,
                Output = relative,
                Sha256 = sha256,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return FailedRow(outcome, $"its features can't be written: {e.Message}");
        }
    }

    /// <summary>What helps against features that are not finite: more range, where there is some.</summary>
    private string Remedy => settings.Precision switch
    {
        Precision.Float16 => "values beyond 65,504 overflow in fp16, so use --precision bf16 or fp32",
        Precision.BFloat16 or Precision.Int8 => "try --precision fp32, and see that the checkpoint is whole",
        _ => "see that the checkpoint is whole",
    };

    private static ManifestRow FailedRow(Outcome outcome, string error) => new(outcome.Id, outcome.Source) { Error = error };
}
