using System.Diagnostics;

namespace WavLM.Cuda.Tests.Abi;

/// <summary>The emulated device's library, where it is built.</summary>
internal static class EmulatedDevice
{
    public static string Folder { get; } = Path.Combine(Path.GetDirectoryName(AbiHeaders.Folder)!, "cuda-on-cpu", "build");

    public static string Library { get; } = Path.Combine(Folder, "libcuda-on-cpu.so");

    /// <summary>The functions it exports.</summary>
    public static string[] Exports()
    {
        Needed.Present(File.Exists(Library), $"{Library} is not built: make emulator");
        using Process nm = Process.Start(new ProcessStartInfo("nm", ["-D", "--defined-only", Library]) { RedirectStandardOutput = true })!;
        string[] lines = nm.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        nm.WaitForExit();
        Assert.Equal(0, nm.ExitCode);
        return [.. lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(fields => fields[^2] is "T" or "W").Select(fields => fields[^1])];
    }
}
