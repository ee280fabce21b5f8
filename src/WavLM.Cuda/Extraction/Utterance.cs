namespace WavLM.Cuda.Extraction;

/// <summary>An utterance on its way through a run.</summary>
/// <param name="Row">Its row in the manifest, counted from 0.</param>
/// <param name="Source">Its file.</param>
/// <param name="Channel">The channel's number; null for the mean.</param>
/// <param name="SourceRate">The file's rate.</param>
/// <param name="Waveform">What the encoder gets.</param>
internal sealed record Utterance(int Row, string Source, int? Channel, int SourceRate, Waveform Waveform);

/// <summary>What becomes of a row, or of several when a file's channels fail together.</summary>
/// <param name="Row">The first of them.</param>
/// <param name="Rows">How many.</param>
/// <param name="Id">The utterance, or the input.</param>
/// <param name="Source">Its file.</param>
internal sealed record Outcome(int Row, int Rows, string Id, string Source)
{
    public Utterance? Utterance { get; init; }

    public Features? Features { get; init; }

    public string? Error { get; init; }

    public static Outcome Of(Utterance utterance, Features features)
        => new(utterance.Row, 1, utterance.Waveform.Id, utterance.Source) { Utterance = utterance, Features = features };

    public static Outcome Failed(Utterance utterance, string error) => new(utterance.Row, 1, utterance.Waveform.Id, utterance.Source) { Error = error };

    public static Outcome Failed(PlannedFile file, int row, string error) => new(row, file.Rows, file.Id, file.Source) { Error = error };
}
