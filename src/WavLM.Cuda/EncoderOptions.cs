using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda;

/// <summary>How an encoder runs.</summary>
public sealed class EncoderOptions
{
    private readonly int _threads = Environment.ProcessorCount;

    /// <summary>Where it computes; by default on the first CUDA device, and on the CPU where there is none.</summary>
    public Device Device { get; init; } = Device.Auto;

    /// <summary>
    /// Type of the matrix operands. Null, the default, leaves it to the device: float16 on CUDA, float32 on the CPU; <see cref="SpeechEncoder.Precision"/>
    /// says which it is. Float16 on the CPU is refused, and <see cref="Precision.Int8" /> on CUDA.
    /// </summary>
    public Precision? Precision { get; init; }

    /// <summary>Threads that compute on the CPU; by default the processors of this machine. Features do not depend on it, not in one bit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    public int Threads
    {
        get => _threads;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            _threads = value;
        }
    }

    /// <summary>Gets a line where something is in the way that costs time alone, such as a cache of kernels that may not be used.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>How a waveform becomes layer k; by default as Hugging Face transformers does it.</summary>
    public FeatureConvention? Convention { get; init; }

    /// <summary>Rows that the matrix library chooses its algorithms for; null for those of a user. To learn what one choice for all batches costs.</summary>
    internal int? ReferenceRows { get; init; }
}
