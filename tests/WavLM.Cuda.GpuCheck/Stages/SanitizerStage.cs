namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>One of compute-sanitizer's tools over one check of each kind in each precision: every kernel runs once and more.</summary>
internal static class SanitizerStage
{
    private const string Sanitizer = "compute-sanitizer";
    private const int FoundErrors = 99;   // an exit code that checks never have

    private static readonly TimeSpan LimitOfPrecision = TimeSpan.FromMinutes(3);

    public static IReadOnlyList<string> Tools { get; } = ["memcheck", "racecheck", "initcheck", "synccheck"];

    public static StagePlan Plan(Options options, string tool)
    {
        if (Ladder.IsEmulated) return new(null, $"the device is emulated; {Sanitizer} wants a real one");
        return Find() is null ? new(null, $"no {Sanitizer} on PATH nor in /usr/local/cuda/bin (it comes with the CUDA toolkit)") : new(Ladder.CommandOf(tool, options.Quick));
    }

    public static int Run(Options options, string tool)
    {
        string program = Find()!;
        List<string> results = [];
        foreach (string precision in Precisions.OfCuda.Select(static precision => precision.CommandLineName()))
        {
            string? summary = null;
            string[] command = [program, "--tool", tool, "--error-exitcode", $"{FoundErrors}", "--print-limit", "20", .. Ladder.CommandOf($"checks-{precision}", quick: true)];
            (int? exitCode, string last) = StageCommand.Run(command, LimitOfPrecision, line =>
            {
                Console.WriteLine($"  {line}");
                if (line.Contains(" SUMMARY: ", StringComparison.Ordinal)) summary = line.TrimStart('=', ' ');
            });
            // Without a summary it did not come to look: no rights to debug, or a driver that it does not know.
            results.Add(exitCode switch
            {
                null => $"{tool}, {precision}: FAILED: ended after {LimitOfPrecision.TotalMinutes:0} min",
                _ when summary is null => $"{tool}, {precision}: not run: it does not work here: {last}",
                0 => $"{tool}, {precision}: {summary}",
                _ => $"{tool}, {precision}: FAILED: {summary}, exit code {exitCode}",
            });
        }
        foreach (string result in results) Console.WriteLine(result);
        return results.Any(result => result.Contains("FAILED", StringComparison.Ordinal)) ? StageExit.Failed : StageExit.Passed;
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/local/cuda/bin")
        .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, Sanitizer)).FirstOrDefault(File.Exists);
}
