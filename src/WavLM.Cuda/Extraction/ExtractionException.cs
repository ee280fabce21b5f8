namespace WavLM.Cuda.Extraction;

/// <summary>A run can't begin: equal ids, an output folder that can't be written, a volume without room.</summary>
/// <param name="message">What was found, what was expected, what to do.</param>
/// <param name="cause">The error underneath, if there is one.</param>
public sealed class ExtractionException(string message, Exception? cause = null) : Exception(message, cause);
