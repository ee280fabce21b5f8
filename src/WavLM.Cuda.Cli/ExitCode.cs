namespace WavLM.Cuda.Cli;

/// <summary>What the command tells the shell.</summary>
internal static class ExitCode
{
    /// <summary>Everything was done.</summary>
    public const int Done = 0;

    /// <summary>At least one input failed; the others are complete.</summary>
    public const int InputsFailed = 1;

    /// <summary>`bench compare`: the second file is slower beyond what noise explains.</summary>
    public const int Slower = 1;

    /// <summary>Nothing was attempted: usage, model, layer, output folder, device, equal ids, or something unexpected.</summary>
    public const int NothingAttempted = 2;

    /// <summary>The device died mid-run; the manifest is valid.</summary>
    public const int DeviceLost = 3;
}
