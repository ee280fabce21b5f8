using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Tests.Checkpoints;

/// <summary>What must be refused is asserted by the words of the message that matter to its reader.</summary>
internal static class Refused
{
    public static CheckpointException With(Action action, params string[] words)
    {
        CheckpointException refusal = Assert.Throws<CheckpointException>(action);
        foreach (string word in words) Assert.Contains(word, refusal.Message, StringComparison.Ordinal);
        Assert.Equal($"{refusal.Path}: found {refusal.Found}; expected {refusal.Expected}; {refusal.Remedy}", refusal.Message);
        return refusal;
    }

    public static CheckpointException Opening(string path, params string[] words)
        => With(() => Checkpoint.Open(path).Dispose(), words);
}
