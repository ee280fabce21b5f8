namespace WavLM.Cuda.Native;

/// <summary>A native library that is needed could not be loaded. The message lists every path tried and the package that holds it.</summary>
/// <param name="message">What was tried, and what to install.</param>
public sealed class NativeLibraryException(string message) : Exception(message);
