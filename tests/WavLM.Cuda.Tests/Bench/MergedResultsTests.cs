using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>Measurements of several processes as one file's.</summary>
public sealed class MergedResultsTests
{
    [Fact]
    public void Times_lie_end_to_end_in_the_order_of_the_processes()
    {
        BenchResults merged = MergedResults.Of([Part([1, 2], copy: [4]), Part([3, 4], copy: [2]), Part([5, 6], copy: [1])]);

        Assert.Equal(3, merged.Processes);
        Assert.Equal([1, 2, 3, 4, 5, 6], Assert.Single(merged.Measurements).Seconds);
        Ceiling copy = Assert.Single(merged.Ceilings);
        Assert.Equal([4, 2, 1], copy.Seconds);
        Assert.Equal(50, copy.PerSecond);   // 100 bytes in the median's two seconds
        Assert.Equal(0.2, merged.Measurements[0].RelativeError);
        Assert.Equal(0.02, merged.Disturbed!.Value, 12);
        Assert.Equal(["said by each"], merged.Notes);
    }

    [Fact]
    public void What_one_process_could_not_time_is_not_timed()
    {
        BenchResults failed = Part([], copy: [2]), missing = Part([1, 2], copy: [2]);
        failed = failed with { Measurements = [failed.Measurements[0] with { NotTimed = "no room" }] };

        Measurement merged = Assert.Single(MergedResults.Of([Part([1, 2], copy: [2]), failed]).Measurements);
        Assert.Equal(("no room", 0), (merged.NotTimed, merged.Seconds.Count));
        merged = Assert.Single(MergedResults.Of([Part([1, 2], copy: [2]), missing with { Measurements = [], Ceilings = [] }]).Measurements);
        Assert.Equal(("1 of 2 processes left it out", 0), (merged.NotTimed, merged.Seconds.Count));
        Assert.Empty(MergedResults.Of([Part([1, 2], copy: [2]), missing with { Ceilings = [] }]).Ceilings);
    }

    private static BenchResults Part(double[] seconds, double[] copy) => new("ops", "2026-11-23", InventedResults.Machine)
    {
        Ceilings = [new("copy", "byte", 100 / Statistics.Median(copy)) { Seconds = copy }],
        Measurements = [new("ops", "compact", "base 1x10", "fp32") { Seconds = seconds, RelativeError = seconds.Contains(3) ? 0.2 : 0.1 }],
        Notes = ["said by each"],
        Disturbed = seconds.Contains(3) ? 0.06 : 0,
    };
}
