namespace WavLM.Cuda.Cli;

/// <summary>What was asked for can't be done: the message says what was found, what was expected and what to do.</summary>
/// <param name="message">For the user.</param>
internal sealed class UsageException(string message) : Exception(message);
