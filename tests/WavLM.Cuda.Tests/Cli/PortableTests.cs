using System.Diagnostics;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>The archive of make portable, unpacked. What is done with it is in scripts, which run by hand too (make portable-check).</summary>
public sealed class PortableTests
{
    private const int CannotBeDecided = 77;

    // Beside other tests, with every kernel still to be compiled.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    [SkippableFact]
    public void Archive_runs_where_there_is_only_the_C_library() => Run("chroot.sh");

    [SkippableFact]
    public void Gpu_check_runs_to_its_end_on_the_emulated_device() => Run("gpu_check.sh");

    [SkippableFact]
    public void Gpu_bench_runs_to_its_end_on_the_emulated_device() => Run("gpu_bench.sh");

    private static void Run(string script)
    {
        string root = Path.GetDirectoryName(Path.GetDirectoryName(Wavlm.Command)!)!;
        string archive = Directory.GetFiles(Path.Combine(root, "artifacts"), "wavlm-portable-*.tar.xz").Single();
        ProcessStartInfo start = new(Path.Combine(root, "tests", "portable", script), [archive]) { RedirectStandardOutput = true, RedirectStandardError = true };

        Wavlm.Finished run = Wavlm.Finish(Process.Start(start)!, Patience);

        Needed.Present(run.ExitCode != CannotBeDecided, run.Output);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
    }
}
