using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>
/// Models so wide in front that half precision has half operands there, as the published ones: the fixtures' front ends are narrow,
/// and keep float32. Widths and few levels that are quick.
/// </summary>
public sealed class WideModel : IDisposable
{
    /// <summary>Group norm, post-norm layers.</summary>
    public const string Group = "wide, group norm";

    /// <summary>Layer norms, pre-norm layers, a narrow level and one of odd width on the way.</summary>
    public const string Layer = "wide, layer norms";

    private readonly TemporaryFolder _folder = new();

    public WideModel()
    {
        CheckpointInitializer.Write(OfGroupNorm, seed: 6, PathOf(Group));
        CheckpointInitializer.Write(OfLayerNorms, seed: 7, PathOf(Layer));
    }

    public static EncoderConfig OfGroupNorm { get; } = EncoderSizes.Base with
    {
        Width = 48, Layers = 2, Heads = 2, FeedForwardWidth = 96, PositionalKernel = 16, PositionalGroups = 4, Buckets = 32, MaxBucketDistance = 100,
        ConvLayers = [new(264, 10, 5), new(264, 3, 2), new(264, 3, 2), new(264, 2, 4)],
    };

    public static EncoderConfig OfLayerNorms { get; } = OfGroupNorm with
    {
        FrontEndNorm = FrontEndNorm.Layer, PreNorm = true, Heads = 3, ConvLayers = [new(264, 10, 5), new(33, 3, 2), new(257, 3, 2), new(264, 2, 4)],
    };

    /// <summary>The folder of one of the two, or of a fixture's model.</summary>
    public string PathOf(string model) => model is Group or Layer ? Path.Combine(_folder.Path, model) : Fixture.Named(model).ModelPath;

    public void Dispose() => _folder.Dispose();
}
