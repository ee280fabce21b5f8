using System.Security.Cryptography;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Whose files a checkpoint is made of.</summary>
public enum CheckpointFormat
{
    /// <summary>A folder with config.json, as transformers writes it.</summary>
    HuggingFace,

    /// <summary>Microsoft's unilm: a .pt with cfg and model.</summary>
    Unilm,

    /// <summary>torchaudio's .pth: a state dict and nothing else.</summary>
    Torchaudio,
}

/// <summary>
/// An encoder's checkpoint, open for reading. <see cref="Open"/> has compared every tensor with the config and with the files' real
/// sizes. Not for use by several threads at once.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly CheckpointFiles _files;
    private readonly Dictionary<string, StoredTensor> _tensors;
    private readonly TensorDecoder _decoder = new();
    private string? _weightsSha256;

    private Checkpoint(string path, CheckpointParts parts, CheckpointFiles files)
    {
        Path = path;
        Format = parts.Format;
        Config = parts.Config;
        PreprocessorNormalizes = parts.PreprocessorNormalizes;
        ConfigNormalizes = parts.ConfigNormalizes;
        _files = files;
        _tensors = parts.Tensors;
        Tensors = [.. _tensors.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => new CheckpointTensor(t.Key, t.Value.Type, t.Value.Shape))];
    }

    /// <summary>The folder or file that was opened.</summary>
    public string Path { get; }

    /// <summary>Whose files these are.</summary>
    public CheckpointFormat Format { get; }

    /// <summary>Sizes and flavour of the encoder.</summary>
    public EncoderConfig Config { get; }

    /// <summary>preprocessor_config.json's do_normalize (true where the key is missing); null where there is no such file.</summary>
    public bool? PreprocessorNormalizes { get; }

    /// <summary>cfg.normalize of a .pt (false where the key is missing); null elsewhere.</summary>
    public bool? ConfigNormalizes { get; }

    /// <summary>The encoder's tensors in order of their canonical names. Heads and parts of pre-training are not among them.</summary>
    public IReadOnlyList<CheckpointTensor> Tensors { get; }

    /// <summary>Opens a checkpoint and checks all of it but the values.</summary>
    /// <param name="path">A folder with config.json and weights, or a .pt or .pth file.</param>
    /// <param name="encoderConfigPath">A config.json as Hugging Face's that takes the place of the checkpoint's own, or null.</param>
    /// <exception cref="CheckpointException">Something is missing, damaged, of another model, or cannot be run.</exception>
    public static Checkpoint Open(string path, string? encoderConfigPath = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var files = new CheckpointFiles();
        try
        {
            CheckpointParts parts = Directory.Exists(path) ? HuggingFaceFolder.Read(path, encoderConfigPath, files) : TorchFile.Read(path, encoderConfigPath, files);
            return new Checkpoint(path, parts, files);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Whether the encoder has a tensor of this canonical name.</summary>
    public bool Contains(string canonicalName) => _tensors.ContainsKey(canonicalName);

    /// <summary>Reads a tensor, converted to float, row by row.</summary>
    /// <param name="canonicalName">One of <see cref="Tensors"/>.</param>
    /// <param name="destination">As long as the tensor.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="CheckpointException">The file cannot be read, or shrank.</exception>
    public void Read(string canonicalName, Span<float> destination)
    {
        if (!_tensors.TryGetValue(canonicalName, out StoredTensor? tensor))
            throw new KeyNotFoundException($"{Path} has no tensor {canonicalName}");
        if (tensor.Count != destination.Length)
            throw new ArgumentException($"{canonicalName} {StoredTensor.Describe(tensor.Shape)} has {tensor.Count:N0} values, the destination {destination.Length:N0}", nameof(destination));
        _decoder.Read(tensor, destination);
    }

    /// <summary>SHA-256 of the weight files' bytes, shards in order of name, in hexadecimal. Reads all of them the first time.</summary>
    /// <exception cref="CheckpointException">A file cannot be read, or shrank.</exception>
    public string WeightsSha256()
    {
        if (_weightsSha256 is not null) return _weightsSha256;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        foreach (CheckpointFile file in _files.InOrderOfName)
        {
            for (long offset = 0; offset < file.Length; offset += buffer.Length)
            {
                Span<byte> bytes = buffer.AsSpan(0, (int)Math.Min(buffer.Length, file.Length - offset));
                file.Read(offset, bytes);
                hash.AppendData(bytes);
            }
        }
        return _weightsSha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _files.Dispose();
}
