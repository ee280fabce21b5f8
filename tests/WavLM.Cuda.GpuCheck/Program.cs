using WavLM.Cuda.GpuCheck;

// Everything that is to be learnt on a machine with a GPU, in one run and one report:
//   gpu-check [--report FILE] [--quick] [--only STAGE,...]
// Each stage is a process of its own with a time limit, so that one that hangs or kills the device leaves the others their turn.
// --stage NAME is how it starts one.
try
{
    Options options = Options.Parse(args);
    return options.Stage is { } stage ? Ladder.Named(stage).Inside!(options) : Ladder.Climb(options);
}
catch (UsageException e)
{
    Console.Error.WriteLine($"gpu-check: {e.Message}");
    return 2;
}
