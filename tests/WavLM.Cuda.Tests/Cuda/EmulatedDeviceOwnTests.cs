using System.Diagnostics;
using WavLM.Cuda.Tests.Cli;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>The emulated device's tests of itself, programs in C++: were it blind, whatever runs on it would pass.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class EmulatedDeviceOwnTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [SkippableTheory]
    [InlineData("self_test")]
    [InlineData("driver_test")]
    [InlineData("cublaslt_test")]
    public void Pass(string program)
    {
        string path = Path.Combine(Needed.EmulatedDevice, program);
        Needed.Present(File.Exists(path), $"{path} is not built: make emulator-tests");
        ProcessStartInfo start = new(path) { RedirectStandardOutput = true, RedirectStandardError = true };

        Wavlm.Finished run = Wavlm.Finish(Process.Start(start)!, Patience);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
    }
}
