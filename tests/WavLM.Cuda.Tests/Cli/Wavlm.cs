using System.Diagnostics;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>The real command, as a user runs it.</summary>
internal static partial class Wavlm
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>bin/wavlm, above the folder that the tests run in.</summary>
    public static string Command { get; } = Find();

    public static Process Start(params string[] arguments) => Start([], arguments);

    /// <summary>With these variables set.</summary>
    public static Process Start((string Name, string Value)[] environment, params string[] arguments)
    {
        ProcessStartInfo start = new(Command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("WAVLM_CUDA_PATH");   // the tests' own process has it, for the emulated device
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static Finished Run(params string[] arguments) => Finish(Start(arguments));

    public static Finished Run((string Name, string Value)[] environment, params string[] arguments) => Finish(Start(environment, arguments));

    public static Finished Finish(Process process, TimeSpan? patience = null)
    {
        TimeSpan limit = patience ?? Patience;
        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            if (process.WaitForExit(limit)) return new(process.ExitCode, output.Result, error.Result);
            process.Kill();
            throw new TimeoutException($"wavlm is not done after {limit}: {error.Result}");
        }
    }

    public static void Signal(Process process, int signal) => Assert.Equal(0, kill(process.Id, signal));

    private static string Find()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string command = Path.Combine(folder, "bin", "wavlm");
            if (File.Exists(command)) return command;
        }
        throw new FileNotFoundException($"no bin/wavlm above {AppContext.BaseDirectory}; run make build");
    }

    [LibraryImport("libc.so.6")] private static partial int kill(int process, int signal);

    internal sealed record Finished(int ExitCode, string Output, string Error);
}
