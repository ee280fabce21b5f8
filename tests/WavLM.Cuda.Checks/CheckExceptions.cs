namespace WavLM.Cuda.Checks;

/// <summary>Something the check needs is not on this machine; the message says what.</summary>
public sealed class CheckSkippedException(string reason) : Exception(reason);

/// <summary>The code under check is wrong: device, precision, shape, place and values are in the message.</summary>
public sealed class CheckFailedException(string message) : Exception(message);
