namespace WavLM.Cuda;

/// <summary>A batch does not fit into the device's memory. The encoder is as before: a smaller batch may fit.</summary>
/// <param name="message">What was needed, and what there was.</param>
/// <param name="cause">The device's own error.</param>
public sealed class DeviceMemoryException(string message, Exception? cause = null) : Exception(message, cause);
