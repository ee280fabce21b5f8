namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Cases of a theory: models by name, each in every precision of a CUDA device.</summary>
internal static class InEveryPrecision
{
    public static TheoryData<string, Precision> Of(params IEnumerable<string> models)
    {
        TheoryData<string, Precision> cases = [];
        foreach (string model in models)
        {
            foreach (Precision precision in Precisions.OfCuda) cases.Add(model, precision);
        }
        return cases;
    }
}
