using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>Models so small that hundreds of runs take seconds, a batch for them, and its features when nothing fails.</summary>
public sealed class FaultModel : IDisposable
{
    private const string CacheVariable = "XDG_CACHE_HOME";

    // No folder can be made below a device file, so there is no cache.
    private const string NoCache = "/dev/null";

    private readonly TemporaryFolder _folder = new();
    private readonly string? _cacheBefore = Environment.GetEnvironmentVariable(CacheVariable);
    private readonly Dictionary<bool, Features[]> _expected = [];

    public FaultModel()
    {
        CheckpointInitializer.Write(Config, seed: 4, PathOf(preNorm: false));
        CheckpointInitializer.Write(Config with { FrontEndNorm = FrontEndNorm.Layer, PreNorm = true }, seed: 4, PathOf(preNorm: true));
        Begin();
        foreach (bool preNorm in (ReadOnlySpan<bool>)[false, true])
        {
            using SpeechEncoder encoder = Load(preNorm, recorded: false);
            _expected[preNorm] = encoder.Encode(Batch, All, CancellationToken.None);
        }
    }

    /// <summary>A post-norm model with group norm; the other one is pre-norm, with layer norms in its front end.</summary>
    public static EncoderConfig Config { get; } = EncoderSizes.Base with
    {
        Width = 16, Layers = 2, Heads = 2, FeedForwardWidth = 32, PositionalKernel = 8, PositionalGroups = 2, Buckets = 8, MaxBucketDistance = 16,
        ConvLayers = [new(8, 10, 5), new(8, 3, 2), new(8, 2, 2)],
    };

    /// <summary>Two utterances of 5 and 19 frames.</summary>
    public static Waveform[] Batch { get; } = BatchInvariance.Noise([120, 400], seed: 4);

    public static LayerSelection All { get; } = LayerSelection.Parse("all", Config);

    public string PathOf(bool preNorm) => Path.Combine(_folder.Path, preNorm ? "pre-norm" : "post-norm");

    public Features[] Expected(bool preNorm) => _expected[preNorm];

    /// <summary>The device from its beginning, quick.</summary>
    /// <param name="cached">Whether kernels come out of the cache once they were compiled.</param>
    public void Begin(bool cached = true)
    {
        Environment.SetEnvironmentVariable(CacheVariable, cached ? Path.Combine(_folder.Path, "cache") : NoCache);
        EmulatedDevice.Reset();
        EmulatedDevice.SetInstrumented(false);
    }

    /// <summary>The post-norm model in float32, the pre-norm one in float16.</summary>
    public SpeechEncoder Load(bool preNorm, bool recorded)
    {
        SpeechEncoder encoder = SpeechEncoder.Load(PathOf(preNorm), new EncoderOptions { Device = Device.Cuda(), Precision = preNorm ? Precision.Float16 : Precision.Float32 });
        if (!recorded) ((CudaBackend)encoder.Backend).RecordedFrames = 0;
        return encoder;
    }

    public void Dispose()
    {
        EmulatedDevice.Reset();
        Environment.SetEnvironmentVariable(CacheVariable, _cacheBefore);
        _folder.Dispose();
    }
}
