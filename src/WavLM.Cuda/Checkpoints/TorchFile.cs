using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A .pt or .pth file: unilm's {cfg, model}, fairseq's {args, cfg, model, ...}, s3prl's {task_cfg, model_cfg, model_weight}, or a bare
/// state dict as torchaudio's. What the file holds decides, not its extension.
/// </summary>
internal static class TorchFile
{
    /// <exception cref="CheckpointException">The file is missing, damaged, refused or of another model.</exception>
    public static CheckpointParts Read(string path, string? encoderConfigPath, CheckpointFiles files)
    {
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".bin", StringComparison.OrdinalIgnoreCase))
            throw new CheckpointException(path, "a file of weights", "the folder that holds it and its config.json, or a .pt or .pth file", "give the folder");
        TorchArchive archive = TorchArchive.Open(files.Open(path), allowOpaque: true);
        if (archive.Root is not PickleDict root) throw NoStateDict(path);
        EncoderConfig? given = encoderConfigPath is null ? null : HuggingFaceConfig.Read(encoderConfigPath);

        if ((root["model"] ?? root["model_weight"]) is PickleDict stateDict)
        {
            PickleSettings? settings = PickleSettings.From(path, root["cfg"], root["model_cfg"], root["task_cfg"], root["args"]);
            return ReadUnilm(path, given, settings, archive.Tensors(stateDict));
        }
        if (root["cfg"] is not null || root["model"] is not null || root.Items.Count == 0) throw NoStateDict(path);

        IReadOnlyCollection<StoredTensor> stored = archive.Tensors(root);
        if (!stored.Any(t => t.Name.StartsWith("encoder.transformer.", StringComparison.Ordinal))) return ReadUnilm(path, given, null, stored);
        return CheckpointParts.From(path, CheckpointFormat.Torchaudio, given ?? TorchaudioConfig.FromShapes(path, EncoderTensorMap.Rename(path, stored)), stored);
    }

    private static CheckpointParts ReadUnilm(string path, EncoderConfig? given, PickleSettings? settings, IReadOnlyCollection<StoredTensor> stored)
    {
        if (stored.Any(t => t.Name.StartsWith("feature_extract.model.", StringComparison.Ordinal)))
            throw new CheckpointException(path, "a speaker verification model around an encoder", "an encoder alone", "give the encoder's own checkpoint");
        if (given is null && settings is null)
            throw new CheckpointException(path, "a state dict without a cfg", "cfg and model, as unilm's checkpoints hold, or torchaudio's names", "give the sizes with --encoder-config");
        (EncoderConfig config, bool? normalizes) = given is null ? UnilmConfig.Read(path, settings!) : (given, settings?.Flag("normalize", false));
        return CheckpointParts.From(path, CheckpointFormat.Unilm, config, stored) with { ConfigNormalizes = normalizes };
    }

    private static CheckpointException NoStateDict(string path)
        => new(path, "no state dict", "cfg and model, as unilm's checkpoints hold, or a bare state dict as torchaudio's", "give a WavLM checkpoint");
}
