using System.Globalization;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>Every layer of every fixture in each precision, against what other implementations computed in float64; in a quick run of the smallest one.</summary>
internal static class FixturesStage
{
    public static StagePlan Plan(Options options)
    {
        try
        {
            _ = Fixture.Root;
            return new(Ladder.CommandOf("fixtures", options.Quick));
        }
        catch (DirectoryNotFoundException e)
        {
            return new(null, $"{e.Message}; the fixtures are in the repository alone");
        }
    }

    public static int Run(Options options)
    {
        bool good = true;
        foreach (Fixture fixture in options.Quick ? [Fixture.Named("wavlm-tiny")] : Fixture.All)
        {
            foreach (Precision precision in Precisions.OfCuda) good &= IsWithinBound(fixture, precision);
        }
        return good ? StageExit.Passed : StageExit.Failed;
    }

    private static bool IsWithinBound(Fixture fixture, Precision precision)
    {
        try
        {
            return Compare(fixture, precision);
        }
        catch (Exception e) when (e is not DeviceLostException)
        {
            Console.WriteLine($"{fixture.Name,-28}{precision.CommandLineName(),-6}FAILED: {e.Message}");
            return false;
        }
    }

    private static bool Compare(Fixture fixture, Precision precision)
    {
        using SpeechEncoder encoder = FixtureComparison.Load(fixture, precision, Device.Cuda());
        Features[] features = encoder.Encode(FixtureComparison.Recordings(fixture), LayerSelection.Parse("all", encoder.Config), CancellationToken.None);
        (double error, string where) = FixtureComparison.Worst(fixture, features, encoder.Config.Layers);
        double bound = FixtureComparison.Bound(precision);
        bool good = error <= bound;   // false for NaN
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{fixture.Name,-28}{precision.CommandLineName(),-6}{error:0.0e+00} of {bound:0.0e+00}  {where}{(good ? "" : "  FAILED")}"));
        return good;
    }
}
