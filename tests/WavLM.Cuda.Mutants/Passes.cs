using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Mutants;

/// <summary>
/// Whole passes of a fixture, with everything that is ever copied to the host. Of what comes out only the bits are looked at:
/// they must be those of the product as it is, in whatever order the device's queues run.
/// </summary>
internal static class Passes
{
    private static readonly string[] Fixtures = ["wavlm-tiny", "wavlm-large-unilm"];

    // As late as is legal, and two orders that only events and waits rule.
    private static readonly int[] Schedules = [0, 2, 7];

    private static readonly bool[] RecordedOrNot = [false, true];

    // A long batch, a shorter one into the same memory, a long one again.
    private static readonly int[][] Batches = [[11_200, 8_000], [400, 1_000, 2_960], [11_500, 9_000]];

    // Of few rows, as are recorded; the third of a kind is replayed. The last three have 100, 100 and 128 frames: all that a record has.
    private static readonly int[][] RecordedBatches = [[11_200, 8_000], [11_200, 8_000], [11_500, 9_000], [400, 3_000], [11_000, 9_100], [32_080], [32_080], [41_040]];

    public static IEnumerable<(string Name, bool OfHost, Func<Subject, string> Run)> All =>
        from fixture in Fixtures
        from schedule in Schedules
        from recorded in RecordedOrNot
        select (
            string.Create(CultureInfo.InvariantCulture, $"{(recorded ? "recorded pass" : "pass")} of {fixture} in schedule {schedule}"),
            recorded || schedule != Schedules[0],
            (Func<Subject, string>)(subject => DigestOf(subject, fixture, schedule, recorded)));

    private static string DigestOf(Subject subject, string fixture, int schedule, bool recorded)
    {
        EmulatedDevice.SetSchedule(schedule);
        using Checkpoint checkpoint = Checkpoint.Open(Fixture.Named(fixture).ModelPath);
        EncoderConfig config = checkpoint.Config;
        using CudaBackend backend = subject.Backend();
        if (!recorded) backend.RecordedFrames = 0;
        using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
        var pass = new FeaturePass(new EncoderForward(config, weights, backend), config, finalNorm: true, backend);
        var normalization = new WaveformNormalization(Normalize: config.FrontEndNorm == FrontEndNorm.Layer, Epsilon: 1e-5, Center: config.FrontEndNorm == FrontEndNorm.Group);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int seed = 61;
        foreach (int[] lengths in recorded ? RecordedBatches : Batches)
        {
            using PackedBatch batch = PackedBatch.Create(BatchInvariance.Noise(lengths, seed++), config, normalization, backend);
            Add(hash, pass.Layers(batch, [.. Enumerable.Range(0, config.Layers + 1)], Pooling.None, CancellationToken.None).SelectMany(static layer => layer));
            if (recorded) continue;
            Add(hash, pass.Layers(batch, [0, config.Layers], Pooling.MeanAndDeviation, CancellationToken.None).SelectMany(static layer => layer));
            Add(hash, pass.WeightedSum(batch, Inputs.Normal(config.Layers + 1, seed: 62), Pooling.None, CancellationToken.None));
            Add(hash, pass.NearestCentroids(batch, config.Layers, Inputs.Normal(9 * config.Width, seed: 63), CancellationToken.None));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }

    private static void Add<T>(IncrementalHash hash, IEnumerable<T[]> values)
        where T : unmanaged
    {
        foreach (T[] part in values) hash.AppendData(MemoryMarshal.AsBytes<T>(part));
    }
}
