namespace WavLM.Cuda.Tests;

public class Proof
{
    [Fact] public void Passes() => Assert.True(true);
    [Fact] public void Fails() => Assert.NotEqual("1", Environment.GetEnvironmentVariable("FAIL"));
    [SkippableFact] public void Skips() => Skip.If(true, "because");
    [Fact] public void Crashes() { if (Environment.GetEnvironmentVariable("CRASH") == "1") Environment.FailFast("crash"); }
}
