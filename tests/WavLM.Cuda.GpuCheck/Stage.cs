namespace WavLM.Cuda.GpuCheck;

/// <summary>One stage of the ladder.</summary>
/// <param name="Name">For --stage and the summary.</param>
/// <param name="Question">What it answers.</param>
/// <param name="Limit">The longest that it may take.</param>
/// <param name="Plan">Its command, or why there is none.</param>
/// <param name="Inside">What the process of `--stage` does; gives an exit code of <see cref="StageExit"/>. Null where the command is another program.</param>
internal sealed record Stage(string Name, string Question, TimeSpan Limit, Func<Options, StagePlan> Plan, Func<Options, int>? Inside);

/// <param name="Command">Program and arguments; null where there is nothing to run.</param>
/// <param name="NotRun">Why not.</param>
internal sealed record StagePlan(string[]? Command, string NotRun = "");

/// <summary>What a stage's process tells the ladder.</summary>
internal static class StageExit
{
    public const int Passed = 0;

    public const int Failed = 1;

    /// <summary>What `wavlm doctor` ends with where there is no usable GPU.</summary>
    public const int NoGpu = 2;
}
