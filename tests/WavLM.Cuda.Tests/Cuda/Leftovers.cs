namespace WavLM.Cuda.Tests.Cuda;

/// <summary>What an encoder that was disposed, or never came to be, must not leave behind.</summary>
internal static class Leftovers
{
    /// <param name="when">Of what it would be left, for the message.</param>
    public static void AssertNone(string when)
    {
        Assert.Empty(EmulatedDevice.Reports());
        foreach (string what in (ReadOnlySpan<string>)["live_allocations", "live_bytes", "live_handles"])
            Assert.True(EmulatedDevice.Count(what) == 0, $"{when}: {EmulatedDevice.Count(what)} {what}");
        // A thread that was joined may take a moment to be gone.
        Assert.True(SpinWait.SpinUntil(static () => OurThreads().Length == 0, TimeSpan.FromSeconds(10)), $"{when}: {string.Join(", ", OurThreads())}");
    }

    /// <summary>Names of the process's threads, as far as they are the encoder's; the system keeps 15 letters of them.</summary>
    private static string[] OurThreads()
    {
        List<string> names = [];
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            try
            {
                string name = File.ReadAllText(Path.Combine(task, "comm")).TrimEnd();
                if (name.StartsWith("WavLM", StringComparison.Ordinal)) names.Add(name);
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }
        return [.. names];
    }
}
