using System.Diagnostics;

namespace WavLM.Cuda.GpuCheck;

/// <summary>A command of a stage, run to its end or to its time limit; its lines are passed on as they come.</summary>
internal static class StageCommand
{
    /// <param name="command">Program and arguments.</param>
    /// <param name="limit">After it the process and its children are ended.</param>
    /// <param name="line">Gets every line.</param>
    /// <returns>The exit code and the last line; no exit code if the limit was reached.</returns>
    public static (int? ExitCode, string LastLine) Run(string[] command, TimeSpan limit, Action<string> line)
    {
        string last = "";
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            return (null, last);
        }
        process.WaitForExit();   // until its last line was taken
        return (process.ExitCode, last);

        void Take(object sender, DataReceivedEventArgs received)
        {
            if (received.Data is null) return;
            line(received.Data);
            if (received.Data.Length > 0) last = received.Data;
        }
    }
}
