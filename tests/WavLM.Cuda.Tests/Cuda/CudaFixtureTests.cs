using System.Globalization;
using System.Text.RegularExpressions;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Every layer of every fixture, computed by the kernels on the emulated device, with every access watched.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed partial class CudaFixtureTests(CudaFixtureTests.Launches launches) : IClassFixture<CudaFixtureTests.Launches>
{
    // The shapes of both flavours and, with the reductions, every operation.
    private static readonly string[] EveryOperation = ["wavlm-tiny", "wavlm-large-unilm"];

    public static TheoryData<string, Precision> Cases => InEveryPrecision.Of(Fixture.All.Select(static fixture => fixture.Name));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_layer_is_within_the_bound(string name, Precision precision)
    {
        EmulatedDevice.Reset();
        Fixture fixture = Fixture.Named(name);
        using SpeechEncoder encoder = FixtureComparison.Load(fixture, precision, Device.Cuda());
        ((CudaBackend)encoder.Backend).RecordedFrames = 0;
        Features[] features = encoder.Encode(FixtureComparison.Recordings(fixture), LayerSelection.Parse("all", encoder.Config), CancellationToken.None);

        (double error, string where) = FixtureComparison.Worst(fixture, features, encoder.Config.Layers);
        double bound = FixtureComparison.Bound(precision);
        launches.Add(string.Create(CultureInfo.InvariantCulture, $"{name,-28}{precision,-10}{error:0.0e+00} of {bound:0.0e+00}  {where}"));
        Assert.Empty(EmulatedDevice.Reports());
        Assert.True(error <= bound, $"{name} in {precision}, {where}: relative L2 {error:R}, allowed {bound}");   // false for NaN
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Float16)]
    [InlineData(Precision.BFloat16)]
    public void A_recorded_layer_has_the_bits_of_its_kernels_one_by_one(Precision precision)
    {
        EmulatedDevice.Reset();
        foreach (string name in EveryOperation)
        {
            Fixture fixture = Fixture.Named(name);
            using SpeechEncoder encoder = FixtureComparison.Load(fixture, precision, Device.Cuda());
            LayerSelection all = LayerSelection.Parse("all", encoder.Config);
            // Of one size class: 34 and 35 frames, one tile each, other contents and lengths.
            Waveform[] first = BatchInvariance.Noise([11_200, 8_000], seed: 41), second = BatchInvariance.Noise([11_500, 9_000], seed: 42);
            var backend = (CudaBackend)encoder.Backend;
            backend.RecordedFrames = 0;
            Features[] expected = encoder.Encode(second, all, CancellationToken.None);
            backend.RecordedFrames = CudaBackend.MostRecordedFrames;
            encoder.Encode(first, all, CancellationToken.None);   // seen
            Assert.Equal(0, EmulatedDevice.Count("graph_launches"));
            encoder.Encode(first, all, CancellationToken.None);   // recorded
            EmulatedDevice.ResetCounts();
            Features[] replayed = encoder.Encode(second, all, CancellationToken.None);
            Assert.Equal(encoder.Config.Layers, EmulatedDevice.Count("graph_launches"));
            EmulatedDevice.ResetCounts();
            for (int i = 0; i < second.Length; i++) Assert.Null(BatchInvariance.Difference(expected[i], replayed[i]));
        }
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Fact]
    public void Sums_pools_and_units_are_what_the_hidden_states_say_and_every_kernel_there_is_was_launched()
    {
        EmulatedDevice.Reset();
        SortedSet<string> launched = new(StringComparer.Ordinal);
        foreach ((string name, Precision precision) in EveryOperation.SelectMany(static name => Precisions.OfCuda.Select(precision => (name, precision))))
        {
            using SpeechEncoder encoder = FixtureComparison.Load(Fixture.Named(name), precision, Device.Cuda());
            Assert.Null(ReductionComparison.FirstDifference(encoder, BatchInvariance.Noise([400, 9_000, 20_000], seed: 31), seed: 32));
            launched.UnionWith(EmulatedDevice.Kernels());
        }
        launches.AddCounts();
        Assert.Empty(EmulatedDevice.Reports());
        Assert.Equal(EntryPoints(), launched);
    }

    /// <summary>Every entry point of every source that the assembly carries.</summary>
    private static SortedSet<string> EntryPoints()
    {
        SortedSet<string> entries = new(StringComparer.Ordinal);
        foreach (string resource in typeof(KernelSources).Assembly.GetManifestResourceNames().Where(name => name.EndsWith(".cu", StringComparison.Ordinal)))
        {
            using StreamReader reader = new(typeof(KernelSources).Assembly.GetManifestResourceStream(resource)!);
            foreach (Match entry in EntryPoint().Matches(reader.ReadToEnd())) entries.Add(entry.Groups[1].Value);
        }
        return entries;
    }

    [GeneratedRegex(@"extern ""C"" __global__\s+void\s+(?:__launch_bounds__\([^\n]*\)\s+)?(\w+)\(")]
    private static partial Regex EntryPoint();

    /// <summary>What the fixtures took, left beside the tests for tests/run.sh to print.</summary>
    public sealed class Launches : IDisposable
    {
        private readonly List<string> _lines = [];
        private readonly SortedSet<string> _kernels = new(StringComparer.Ordinal);
        private long _launches;

        public void Add(string line)
        {
            _lines.Add(line);
            AddCounts();
        }

        public void AddCounts()
        {
            _kernels.UnionWith(EmulatedDevice.Kernels());
            _launches += EmulatedDevice.Count("launches");
            EmulatedDevice.ResetCounts();
        }

        public void Dispose() => File.WriteAllLines(
            Path.Combine(AppContext.BaseDirectory, "emulated-device.txt"),
            [
                "On the emulated CUDA device, relative L2 against float64, worst layer:",
                .. _lines.Order(StringComparer.Ordinal),
                string.Create(CultureInfo.InvariantCulture, $"{_launches} launches of {_kernels.Count} distinct kernels, {(_kernels.Count == EntryPoints().Count ? "all" : "not all")} of {EntryPoints().Count}"),
            ]);
    }
}
