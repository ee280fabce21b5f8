using System.Diagnostics;
using System.Globalization;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>
/// The checks of the tests that need a device, on the CUDA device; in a quick run one of each statement, without the sweeps of all
/// lengths on the emulated device, where the tests run them.
/// </summary>
internal static class ChecksStage
{
    public static int Run(Options options, Precision precision)
    {
        using var device = CheckedDevice.Named("cuda");
        List<string> failures = [];
        Dictionary<string, int> skipped = [];
        int passed = 0;
        (double ratio, string of) worst = (0, "none");
        Stopwatch clock = Stopwatch.StartNew();
        foreach (Check check in Chosen(options.Quick, precision))
        {
            try
            {
                double ratio = check.Run(device);
                passed++;
                if (ratio > worst.ratio) worst = (ratio, check.Name);
            }
            catch (CheckSkippedException e)
            {
                skipped[e.Message] = skipped.GetValueOrDefault(e.Message) + 1;
            }
            catch (DeviceLostException e)
            {
                Console.WriteLine($"{check.Name}: {e.Message}");
                Console.WriteLine("the device was lost; nothing more can be tried");
                return StageExit.Failed;
            }
#pragma warning disable CA1031 // whatever a check dies of is its result
            catch (Exception e)
#pragma warning restore CA1031
            {
                failures.Add(check.Name);
                Console.WriteLine($"FAILED {check.Name}: {e.Message}");
            }
        }
        foreach ((string reason, int count) in skipped) Console.WriteLine($"{count} not decided: {reason}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{passed} checks hold, {failures.Count} failed, in {clock.Elapsed.TotalSeconds:0.0} s; nearest to its bound: {worst.ratio:0.000} of it, {worst.of}"));
        if (passed == 0 && failures.Count == 0)
        {
            Console.WriteLine("no check ran");
            return StageExit.Failed;
        }
        return failures.Count == 0 ? StageExit.Passed : StageExit.Failed;
    }

    private static IEnumerable<Check> Chosen(bool quick, Precision precision)
    {
        IEnumerable<Check> onDevice = CheckList.All.Where(check => check.NeedsDevice && check.Precision == precision);
        if (!quick) return onDevice;
        if (Ladder.IsEmulated) onDevice = onDevice.Where(static check => !check.Name.Contains(" of every length ", StringComparison.Ordinal));
        return onDevice.DistinctBy(static check => Statement(check.Name));
    }

    /// <summary>A check's name up to the first of its sizes.</summary>
    private static string Statement(string name)
    {
        int size = name.IndexOf('=', StringComparison.Ordinal);
        return size < 0 ? name : name[..name.LastIndexOf(' ', size)];
    }
}
