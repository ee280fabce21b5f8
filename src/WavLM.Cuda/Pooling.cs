namespace WavLM.Cuda;

/// <summary>What is made of an utterance's frames before they leave the device.</summary>
public enum Pooling
{
    /// <summary>Nothing: every frame.</summary>
    None,

    /// <summary>Their mean: [width].</summary>
    Mean,

    /// <summary>Their mean, then their unbiased standard deviation (0 for a single frame): [2 width].</summary>
    MeanAndDeviation,
}
