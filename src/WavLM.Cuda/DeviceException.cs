namespace WavLM.Cuda;

/// <summary>A device, its driver or one of its libraries refused a call. The device is as before; another input may do.</summary>
/// <param name="message">What was refused, with the library's own words.</param>
public abstract class DeviceException(string message) : Exception(message);
