using WavLM.Cuda.Bench.Comparison;
using WavLM.Cuda.Bench.Results;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>How often the comparison is wrong, on hundreds of invented pairs of files. Seeded: the counts are the same on every machine.</summary>
public sealed class ComparisonSimulationTests
{
    private const int Pairs = 300;

    // A machine that drifts by up to 10 % from one run to the other, runs that take twice as long here and there.
    [Theory]
    [InlineData(0.01, 0.000, 0.00, 50)]
    [InlineData(0.02, 0.007, 0.00, 50)]
    [InlineData(0.03, 0.010, 0.00, 50)]
    [InlineData(0.05, 0.007, 0.00, 50)]
    [InlineData(0.02, 0.007, 0.03, 50)]
    [InlineData(0.02, 0.007, 0.00, 10)]
    [InlineData(0.02, 0.007, 0.00, 3)]
    public void Two_runs_of_one_build_are_found_slower_in_less_than_one_of_a_hundred(double noise, double betweenRuns, double bursts, int count)
    {
        List<string> alarms = [];
        for (int i = 0; i < Pairs; i++)
        {
            double drift = DriftOf(i);
            var comparison = ResultsComparison.Of(
                new InventedResults(2 * i) { Noise = noise, BetweenRuns = betweenRuns, Bursts = bursts }.Kernels(count),
                new InventedResults(2 * i + 1) { Noise = noise, BetweenRuns = betweenRuns, Bursts = bursts, Drift = drift }.Kernels(count));
            if (comparison.IsSlower) alarms.Add($"pair {i}: {new ComparisonText(comparison, "A", "B").Conclusion()}");
        }
        Assert.True(alarms.Count < Pairs / 100, string.Join('\n', alarms));
    }

    [Theory]
    [InlineData(0.01, 0.007, 20, 50, 0.99)]
    [InlineData(0.02, 0.007, 20, 50, 0.99)]
    [InlineData(0.02, 0.007, 10, 50, 0.98)]
    [InlineData(0.03, 0.010, 20, 50, 0.97)]
    [InlineData(0.02, 0.007, 20, 10, 0.99)]
    [InlineData(0.02, 0.007, 20, 3, 0.99)]
    public void A_kernel_slowed_by_15_percent_is_found(double noise, double betweenRuns, int runs, int count, double least)
    {
        int found = 0;
        for (int i = 0; i < Pairs; i++)
        {
            int slowed = i % count;
            var comparison = ResultsComparison.Of(
                new InventedResults(2 * i) { Noise = noise, BetweenRuns = betweenRuns, Runs = runs }.Kernels(count),
                new InventedResults(2 * i + 1) { Noise = noise, BetweenRuns = betweenRuns, Runs = runs, Drift = DriftOf(i) }.Kernels(count, slowed));
            if (comparison.Regressions.Any(m => m.A.Name == $"k{slowed}")) found++;
        }
        Assert.True(found >= Pairs * least, $"{found} of {Pairs}");
    }

    // Some of twelve processes, not the same number in both files, take twice as long for a third of the kernels; each differs by 1 to 2 % besides.
    [Theory]
    [InlineData(0.01)]
    [InlineData(0.02)]
    public void Of_several_processes_the_fastest_are_compared(double betweenProcesses)
    {
        int alarms = 0, found = 0;
        for (int i = 0; i < Pairs; i++)
        {
            BenchResults before = Invented(2 * i, drift: 1).Kernels();
            if (ResultsComparison.Of(before, Invented(2 * i + 1, DriftOf(i)).Kernels()).IsSlower) alarms++;
            if (ResultsComparison.Of(before, Invented(2 * i + 1, DriftOf(i)).Kernels(slowed: i % 50)).Regressions.Any(m => m.A.Name == $"k{i % 50}")) found++;
        }
        Assert.True(alarms < Pairs / 100 && found >= Pairs * 0.97, $"{alarms} false alarms, {found} found of {Pairs}");

        InventedResults Invented(int seed, double drift) => new(seed) { Processes = 12, Runs = 72, SlowProcesses = seed % 10, BetweenRuns = betweenProcesses, Drift = drift };
    }

    [Fact]
    public void A_machine_that_moves_bytes_at_half_the_pace_hides_nothing_that_computes_and_blames_nothing_that_moves_bytes()
    {
        int alarms = 0, found = 0;
        for (int i = 0; i < 100; i++)
        {
            BenchResults before = Invented(2 * i, slow: 3).Kernels();
            var same = ResultsComparison.Of(before, Invented(2 * i + 1, slow: 12).Kernels());
            int slowed = 3 * (i % 16) + 1;
            if (same.IsSlower) alarms++;
            if (ResultsComparison.Of(before, Invented(2 * i + 1, slow: 12).Kernels(slowed: slowed)).Regressions.Any(m => m.A.Name == $"k{slowed}")) found++;
            Assert.InRange(Math.Exp(same.DriftByLimit!.Value.Memory.ExpectedLog), 1.9, 2.1);
            Assert.Contains(new ComparisonText(same, "A", "B").AboutTheMachine(), static line => line.StartsWith("what mostly moves bytes is", StringComparison.Ordinal));
        }
        Assert.True(alarms == 0 && found >= 98, $"{alarms} false alarms, {found} found of 100");

        static InventedResults Invented(int seed, int slow) => new(seed) { Processes = 12, Runs = 72, SlowProcesses = slow };
    }

    [Fact]
    public void The_runs_of_several_processes_are_the_first_quartiles_of_the_two_fastest()
    {
        double[] seconds = [5, 5, 9, 1, 2, 3, 4, 4, 4, 2, 2, 6];   // of four processes
        Assert.Equal([1.5, 2], ComparableRuns.Of(seconds, processes: 4));
        Assert.Equal(seconds, ComparableRuns.Of(seconds, processes: 1));
        Assert.Equal(seconds, ComparableRuns.Of(seconds, processes: 2));
    }

    [Fact]
    public void A_build_whose_every_kernel_is_slower_is_told_from_a_slower_machine()
    {
        for (int i = 0; i < 50; i++)
        {
            var machine = ResultsComparison.Of(new InventedResults(2 * i).Kernels(), new InventedResults(2 * i + 1) { Drift = 1.12 }.Kernels());
            var build = ResultsComparison.Of(new InventedResults(2 * i).Kernels(), new InventedResults(2 * i + 1) { Build = 1.12 }.Kernels());

            Assert.Equal((false, true), (machine.Drift.BuildIsSlower, build.Drift.BuildIsSlower));
        }
    }

    private static double DriftOf(int pair) => 0.9 + 0.2 * (pair * 37 % 100) / 99;
}
