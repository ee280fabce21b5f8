using System.Diagnostics;

namespace WavLM.Cuda.Tests.Cli;

public sealed class PortableTests
{
    private const int CannotBeDecided = 77;

    /// <summary>The script says what it found; it is one of its own so that it runs by hand too (make portable-check).</summary>
    [SkippableFact]
    public void Archive_runs_where_there_is_only_the_C_library()
    {
        string root = Path.GetDirectoryName(Path.GetDirectoryName(Wavlm.Command)!)!;
        string archive = Directory.GetFiles(Path.Combine(root, "artifacts"), "wavlm-portable-*.tar.xz").Single();
        ProcessStartInfo start = new(Path.Combine(root, "tests", "portable", "chroot.sh"), [archive]) { RedirectStandardOutput = true, RedirectStandardError = true };

        Wavlm.Finished run = Wavlm.Finish(Process.Start(start)!);

        Skip.If(run.ExitCode == CannotBeDecided, run.Output);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
    }
}
