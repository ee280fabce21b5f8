namespace WavLM.Cuda.Tests;

/// <summary>What a test needs and a developer's machine may lack. Continuous integration has all of it: there a skip would hide that the check no longer runs.</summary>
internal static class Needed
{
    /// <summary>The folder of the emulated device.</summary>
    public static string EmulatedDevice
    {
        get
        {
            Present(Checks.EmulatedDevice.Folder is not null, "the emulated device is not built: make emulator");
            return Checks.EmulatedDevice.Folder!;
        }
    }

    public static void Present(bool present, string otherwise)
    {
        if (!present && Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(otherwise);
        Skip.IfNot(present, otherwise);
    }
}
