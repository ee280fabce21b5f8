using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A folder as transformers writes it: config.json, perhaps preprocessor_config.json, and weights in one of four forms, looked for in
/// this order: model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json.
/// </summary>
internal static class HuggingFaceFolder
{
    private const long MaxIndexBytes = 16 << 20;
    private static readonly string[] WeightFiles = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

    /// <summary>The file of the folder that holds or lists its weights, or null.</summary>
    public static string? WeightsOf(string folder)
        => WeightFiles.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <exception cref="CheckpointException">A file is missing or damaged, or the weights are not those of the config.</exception>
    public static CheckpointParts Read(string folder, string? encoderConfigPath, CheckpointFiles files)
    {
        string configPath = encoderConfigPath ?? Path.Combine(folder, "config.json");
        if (encoderConfigPath is null && !File.Exists(configPath))
            throw new CheckpointException(folder, "no config.json", "config.json and the weights, or a .pt or .pth file", "give a checkpoint's folder, or the config with --encoder-config");
        EncoderConfig config = HuggingFaceConfig.Read(configPath);
        string weights = WeightsOf(folder)
            ?? throw new CheckpointException(folder, "no weights", string.Join(", ", WeightFiles[..^1]) + " or " + WeightFiles[^1], "fetch the weights into the folder");

        IReadOnlyCollection<StoredTensor> stored = weights.EndsWith(".index.json", StringComparison.Ordinal)
            ? ReadShards(folder, weights, files)
            : ReadWeights(files.Open(weights));
        return CheckpointParts.From(weights, CheckpointFormat.HuggingFace, config, stored) with { PreprocessorNormalizes = ReadNormalizes(folder) };
    }

    private static IReadOnlyCollection<StoredTensor> ReadWeights(CheckpointFile file)
    {
        if (file.Path.EndsWith(".safetensors", StringComparison.Ordinal)) return SafetensorsReader.Read(file);
        TorchArchive archive = TorchArchive.Open(file, allowOpaque: false);
        return archive.Root is PickleDict stateDict ? archive.Tensors(stateDict)
            : throw new CheckpointException(file.Path, "no state dict", "one dict of tensors", "fetch the file again");
    }

    private static List<StoredTensor> ReadShards(string folder, string indexPath, CheckpointFiles files)
    {
        using JsonFile index = JsonFile.Open(indexPath, MaxIndexBytes);
        IReadOnlyList<(string Name, string File)> map = index.Texts("weight_map");
        var stored = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (string shard in map.Select(m => m.File).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            // A shard lies beside its index: a path would let a downloaded index open any file.
            if (shard.Length == 0 || shard != Path.GetFileName(shard) || shard is "." or "..")
                throw new CheckpointException(indexPath, $"the shard \"{shard}\"", "names of files in the same folder", "fetch the index again");
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
                throw new CheckpointException(path, "no such file", $"the shard that {Path.GetFileName(indexPath)} lists", "fetch every shard");
            foreach (StoredTensor tensor in ReadWeights(files.Open(path)))
            {
                if (!stored.TryAdd(tensor.Name, tensor))
                    throw new CheckpointException(path, $"{tensor.Name}, which {Path.GetFileName(stored[tensor.Name].File.Path)} holds too", "each tensor in one shard", "fetch the shards again");
            }
        }
        var misplaced = map.Where(m => !stored.TryGetValue(m.Name, out StoredTensor? t) || Path.GetFileName(t.File.Path) != m.File).Select(m => $"{m.Name} not in {m.File}").ToList();
        if (misplaced.Count > 0)
            throw new CheckpointException(indexPath, string.Join(", ", misplaced), "every tensor in the shard that the index names", "fetch index and shards again");
        return [.. stored.Values];
    }

    private static bool? ReadNormalizes(string folder)
    {
        string path = Path.Combine(folder, "preprocessor_config.json");
        if (!File.Exists(path)) return null;
        using JsonFile json = JsonFile.Open(path);
        int rate = json.Integer("sampling_rate", 16000);
        if (rate != 16000)
            throw new CheckpointException(path, $"sampling_rate {rate}", "16000", "use a model for 16 kHz audio, all published WavLM models are");
        return json.Flag("do_normalize", true);   // Wav2Vec2FeatureExtractor's own default
    }
}
