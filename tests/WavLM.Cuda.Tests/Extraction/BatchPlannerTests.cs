using WavLM.Cuda.Extraction;

namespace WavLM.Cuda.Tests.Extraction;

public class BatchPlannerTests
{
    private static readonly Model.EncoderConfig Base = new FakeEncoder().Config with { Width = 768 };

    [Fact]
    public void Batches_keep_to_the_budget_longest_first_and_lose_nobody()
    {
        Random random = new(3);
        long[] samples = [.. Enumerable.Range(0, 64).Select(_ => random.NextInt64(400, 20 * 16_000))];
        BatchPlanner planner = new(Base, batchSeconds: 60);

        List<List<long>> batches = [.. planner.Plan(samples, s => s)];

        Assert.Equal(samples.OrderDescending(), batches.SelectMany(b => b));
        Assert.All(batches, batch => Assert.InRange(batch.Sum(planner.Cost), 0, 60 * 50));
        Assert.True(batches.Count > 5);
    }

    [Fact]
    public void What_exceeds_the_budget_is_a_batch_of_its_own()
        => Assert.Equal([[900_000], [16_000, 8_000]], new BatchPlanner(Base, batchSeconds: 10).Plan([8_000, 900_000, 16_000], s => (long)s));

    [Fact]
    public void Attention_makes_long_utterances_cost_more_than_their_frames()
    {
        BatchPlanner planner = new(Base, batchSeconds: 10);

        // At T = 6 width attention's T^2 has come up with the linear part.
        Assert.Equal(2 * 4_608, planner.Cost(4_608 * 320 + 80));
        Assert.Equal(0, planner.Cost(399));
    }
}
