namespace WavLM.Cuda.Extraction;

/// <summary>How a run ended.</summary>
public enum ExtractionEnd
{
    /// <summary>Every input was attempted.</summary>
    Complete,

    /// <summary>It was asked to stop: what was finished is written.</summary>
    Stopped,

    /// <summary>The device was lost: what was finished is written.</summary>
    DeviceLost,
}

/// <summary>What a run did.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Done">Utterances written.</param>
/// <param name="Failed">Inputs that failed, each with a row that says why.</param>
/// <param name="DeviceMessage">What the lost device said; null if none was.</param>
public sealed record ExtractionResult(ExtractionEnd End, int Done, int Failed, string? DeviceMessage = null);

/// <summary>Is told how a run goes on; always by one thread at a time.</summary>
public interface IExtractionObserver
{
    /// <summary>Something that is no error, but that the user should know; each kind once.</summary>
    /// <param name="message">What.</param>
    void Warned(string message);

    /// <summary>An utterance was written, or an input failed: see <see cref="ManifestRow.Error"/>.</summary>
    /// <param name="row">Its row in the manifest.</param>
    void Finished(ManifestRow row);
}
