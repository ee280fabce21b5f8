using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cli;

/// <summary>A small checkpoint of random weights, written once for a class of tests.</summary>
public sealed class TinyModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TinyModel() => CheckpointInitializer.Write(Config, 1, Model);

    public static EncoderConfig Config { get; } = EncoderSizes.Base with
    {
        Width = 64, Layers = 2, Heads = 2, FeedForwardWidth = 128, PositionalGroups = 4,
        ConvLayers = [new(32, 10, 5), new(32, 3, 2), new(32, 3, 2), new(32, 3, 2), new(32, 3, 2), new(32, 2, 2), new(32, 2, 2)],
    };

    public string Model => Path.Combine(_folder.Path, "model");

    public void Dispose() => _folder.Dispose();
}
