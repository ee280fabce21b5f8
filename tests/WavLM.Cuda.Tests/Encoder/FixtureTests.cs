using System.Globalization;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Encoder;

/// <summary>Every layer of every fixture against what other implementations computed in float64.</summary>
public sealed class FixtureTests(FixtureTests.Accuracy accuracy) : IClassFixture<FixtureTests.Accuracy>
{
    public static TheoryData<string, Precision> Cases
    {
        get
        {
            var cases = new TheoryData<string, Precision>();
            foreach (Fixture fixture in Fixture.All)
            {
                cases.Add(fixture.Name, Precision.Float32);
                cases.Add(fixture.Name, Precision.BFloat16);
                cases.Add(fixture.Name, Precision.Int8);
            }
            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Every_layer_is_within_the_bound(string name, Precision precision)
    {
        CpuInstructions.Require(precision);
        Fixture fixture = Fixture.Named(name);
        using SpeechEncoder encoder = FixtureComparison.Load(fixture, precision, Device.Cpu);
        Features[] features = encoder.Encode(FixtureComparison.Recordings(fixture), LayerSelection.Parse("all", encoder.Config), CancellationToken.None);

        (double error, string where) = FixtureComparison.Worst(fixture, features, encoder.Config.Layers);
        double bound = FixtureComparison.Bound(precision);
        accuracy.Add(string.Create(CultureInfo.InvariantCulture, $"{name,-28}{precision,-10}{error:0.0e+00} of {bound:0.0e+00}  {where}"));
        Assert.True(error <= bound, $"{name}, {precision}, {where}: relative L2 {error:R}, allowed {bound}");   // false for NaN
    }

    /// <summary>The worst layer of each fixture, left beside the tests for tests/run.sh to print.</summary>
    public sealed class Accuracy : IDisposable
    {
        private readonly List<string> _lines = [];

        public void Add(string line) => _lines.Add(line);

        public void Dispose() => File.WriteAllLines(
            Path.Combine(AppContext.BaseDirectory, "accuracy.txt"), _lines.Order(StringComparer.Ordinal).Prepend("Relative L2 against float64, worst layer:"));
    }
}
