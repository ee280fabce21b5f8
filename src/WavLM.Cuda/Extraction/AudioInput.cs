namespace WavLM.Cuda.Extraction;

/// <summary>One file to extract from, or one input that can't be used.</summary>
/// <param name="Id">The file's stem, or its path below the folder that was given, without the extension.</param>
/// <param name="Source">Where it is.</param>
/// <param name="Error">Why it can't be used; null for a file that is there and named like audio.</param>
public sealed record AudioInput(string Id, string Source, string? Error = null);
