namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>cuBLASLt will not do a product as it must be done for equal bits in every batch. Another algorithm would do it, with other bits.</summary>
/// <param name="message">Shape, rows and algorithm.</param>
internal sealed class GemmRefusedException(string message) : DeviceException(message);
