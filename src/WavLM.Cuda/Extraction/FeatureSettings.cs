namespace WavLM.Cuda.Extraction;

/// <summary>How features were made, as each row of the manifest states it.</summary>
public sealed record FeatureSettings
{
    /// <summary>The convention's name, such as "hf".</summary>
    public required string Convention { get; init; }

    /// <summary>Whether the waveform is normalised.</summary>
    public required bool Normalised { get; init; }

    /// <summary>The epsilon of that normalisation; null where there is none.</summary>
    public required double? NormalisationEpsilon { get; init; }

    /// <summary>Who decided about it: a file and its key, the convention, or the command line.</summary>
    public required string NormalisationSource { get; init; }

    /// <summary>Whether layer N of a pre-norm model is after the final norm; null where there is no such norm.</summary>
    public required bool? FinalNorm { get; init; }

    /// <summary>Type of the matrix operands.</summary>
    public required Precision Precision { get; init; }

    /// <summary>SHA-256 of the weights.</summary>
    public required string ModelSha256 { get; init; }

    /// <summary>The set of device model, SIMD width and library versions for which bits are promised.</summary>
    public required string DeviceSet { get; init; }
}
