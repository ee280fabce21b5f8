namespace WavLM.Cuda;

/// <summary>The device no longer answers. Nothing more can be computed in this process.</summary>
/// <param name="message">The device and its last words.</param>
/// <param name="cause">The device's own error.</param>
public sealed class DeviceLostException(string message, Exception? cause = null) : Exception(message, cause);
