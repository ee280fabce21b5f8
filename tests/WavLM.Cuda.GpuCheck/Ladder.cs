using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.GpuCheck.Stages;
using WavLM.Cuda.GpuCheck.Stages.Ptx;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.GpuCheck;

/// <summary>The stages in order, from "is there a GPU" to "is what the design assumes so". How fast it is, gpu-bench.sh measures.</summary>
internal static class Ladder
{
    // Each ends within the ten minutes that a rented machine may give a command; --only runs some of them.
    private static readonly IReadOnlyList<Stage> Stages =
    [
        new("doctor", "is there a usable GPU, and does every operation agree with the CPU", TimeSpan.FromMinutes(5), DoctorStage.Plan, Inside: null),
        new("ptx", "does every instruction that kernels/common/ptx.cuh wraps do what its twin for the emulated device does", TimeSpan.FromMinutes(2), Itself("ptx"), PtxStage.Run),
        new("fixtures", "is every layer of every fixture within its bound, in each precision", TimeSpan.FromMinutes(5), FixturesStage.Plan, FixturesStage.Run),
        .. Precisions.OfCuda.Select(static precision => Checks(precision.CommandLineName(), precision)),
        .. SanitizerStage.Tools.Select(Sanitizer),
        new("cublaslt", "is what the design assumes of cuBLASLt so", TimeSpan.FromMinutes(9), Itself("cublaslt"), CublasLtStage.Run),
    ];

    /// <summary>The libraries at hand are the emulated device's.</summary>
    public static bool IsEmulated => CudaLibraries.Locate().Any(static found => found.Emulated);

    /// <summary>A stage that is this program.</summary>
    public static Stage Named(string name) => Stages.FirstOrDefault(stage => stage.Name == name && stage.Inside is not null)
        ?? throw new UsageException($"--stage {name}: there is no such stage");

    /// <summary>Runs every stage; the exit code is 0 only if none failed.</summary>
    public static int Climb(Options options)
    {
        Stage[] chosen = [.. Chosen(options.Only)];
        bool emulated = IsEmulated;
        if (emulated) options = options with { Quick = true };
        using Report report = new(options.Report);
        report.Line($"gpu-check of WavLM.Cuda, {DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC{(options.Quick ? ", quick" : "")}{(emulated ? ", on the emulated device: nothing here is a figure of a GPU" : "")}");
        List<(Stage Stage, string Result)> results = [];
        bool usable = true, failed = false;
        foreach (Stage stage in chosen)
        {
            report.Line("");
            report.Line($"== {stage.Name}: {stage.Question}? (at most {stage.Limit.TotalMinutes:0} min)");
            (string result, int? exitCode) = usable ? Run(stage, options, report) : ("not run: there is no usable GPU", StageExit.Passed);
            report.Line($"-- {stage.Name} {result}");
            results.Add((stage, result));
            failed |= exitCode != StageExit.Passed;
            if (exitCode == StageExit.NoGpu) usable = false;
        }
        report.Line("");
        foreach ((Stage stage, string result) in results) report.Line($"{stage.Name,-12} {result}");
        return failed ? StageExit.Failed : StageExit.Passed;
    }

    private static (string Result, int? ExitCode) Run(Stage stage, Options options, Report report)
    {
        StagePlan plan = stage.Plan(options);
        if (plan.Command is null) return ($"not run: {plan.NotRun}", StageExit.Passed);
        report.Line($"  $ {string.Join(' ', plan.Command)}");
        Stopwatch clock = Stopwatch.StartNew();
        (int? exitCode, string last) = StageCommand.Run(plan.Command, stage.Limit, line => report.Line($"  {line}"));
        string seconds = string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0} s");
        return (exitCode switch
        {
            null => $"FAILED: ended after its limit of {stage.Limit.TotalMinutes:0} min",
            StageExit.Passed => $"passed in {seconds}",
            _ => $"FAILED after {seconds}: exit code {exitCode}, {last}",
        }, exitCode);
    }

    private static Stage Checks(string precision, Precision of)
        => new($"checks-{precision}", $"does every check of the tests hold on the device in {precision}", TimeSpan.FromMinutes(9), Itself($"checks-{precision}"), options => ChecksStage.Run(options, of));

    private static Stage Sanitizer(string tool)
        => new(tool, $"does compute-sanitizer's {tool} find anything in one check of each kind", TimeSpan.FromMinutes(9), options => SanitizerStage.Plan(options, tool), options => SanitizerStage.Run(options, tool));

    private static IEnumerable<Stage> Chosen(string[]? only)
    {
        if (only?.Except(Stages.Select(static stage => stage.Name)).FirstOrDefault() is { } unknown)
            throw new UsageException($"--only {unknown}: there is no such stage; there are {string.Join(", ", Stages.Select(static stage => stage.Name))}");
        return Stages.Where(stage => only is null || only.Contains(stage.Name));
    }

    private static Func<Options, StagePlan> Itself(string name) => options => new(CommandOf(name, options.Quick));

    /// <summary>This program as one of its stages.</summary>
    public static string[] CommandOf(string stage, bool quick) => [Environment.ProcessPath!, "--stage", stage, .. quick ? (ReadOnlySpan<string>)["--quick"] : []];
}
