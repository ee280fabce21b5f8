namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>NVRTC refused a kernel.</summary>
/// <param name="message">Source, options, and the compiler's log.</param>
internal sealed class KernelCompilationException(string message) : DeviceException(message);
