using WavLM.Cuda.Mutants;

namespace WavLM.Cuda.Tests.Mutants;

/// <summary>What becomes of a mutant: killed, not noticed, or none at all.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class AttemptTests : IDisposable
{
    private const string Check = "compact slots=3 channels=33 fp32";

    public AttemptTests() => EmulatedDevice.Reset();

    public void Dispose() => EmulatedDevice.Reset();

    [Theory]
    [InlineData("row >= rows", "row > rows", "Killed")]
    [InlineData("row >= rows", "row >= rows && true", "Survived")]
    [InlineData("row >= rows", "row >= columns", "NotValid")]
    public void Of_a_kernel(string before, string after, string fate)
    {
        Site site = KernelSites.Of("compact.cu", KernelTexts.Of("compact.cu")).First(site => site.Before == before) with { After = after };
        Verdict verdict = Attempt.UntilKilled(KernelTexts.With(site), [(Check, "")], static _ => { });
        Assert.Equal(Enum.Parse<Fate>(fate), verdict.Fate);
        if (verdict.Fate == Fate.Killed) Assert.Contains("kernel compact, block", verdict.Reason, StringComparison.Ordinal);
    }
}
