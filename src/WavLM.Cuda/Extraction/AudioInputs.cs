using WavLM.Cuda.Audio;

namespace WavLM.Cuda.Extraction;

/// <summary>From the paths that a user gives to files with ids.</summary>
public static class AudioInputs
{
    /// <summary>Finds the audio files behind the given paths, in their order; those of a folder in ordinal order, sub-folders included.</summary>
    /// <param name="paths">Audio files and folders.</param>
    /// <returns>What can't be used is among them, with its reason.</returns>
    /// <exception cref="ExtractionException">Two of them have the same id.</exception>
    public static IReadOnlyList<AudioInput> Find(IEnumerable<string> paths)
    {
        List<AudioInput> inputs = [];
        foreach (string path in paths)
        {
            if (Directory.Exists(path)) inputs.AddRange(InFolder(path));
            else inputs.Add(OfFile(path));
        }
        RefuseEqualIds(inputs);
        return inputs;
    }

    private static AudioInput OfFile(string path)
    {
        string id = Path.GetFileNameWithoutExtension(path);
        if (id.Length == 0) id = Path.GetFileName(path);
        if (!File.Exists(path)) return new(id, path, "no such file or folder");
        return AudioFormats.IsKnown(path) ? new(id, path) : new(id, path,
            $"found the extension '{Path.GetExtension(path)}', expected {AudioFormats.Extensions}; convert it, or name it for what it holds");
    }

    private static IEnumerable<AudioInput> InFolder(string folder)
    {
        string given = folder.Length > 1 ? Path.TrimEndingDirectorySeparator(folder) : folder;
        List<string> files = [];
        try
        {
            Collect(new DirectoryInfo(folder), "", [], files);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return [new(given, given, $"the folder can't be read: {e.Message}")];
        }
        if (files.Count == 0) return [new(given, given, $"a folder without audio; expected files that end in {AudioFormats.Extensions}")];

        files.Sort(StringComparer.Ordinal);
        return files.Select(file => new AudioInput(Path.ChangeExtension(file, null), Path.Combine(folder, file)));
    }

    // Hidden files are passed over: what other systems leave beside a recording (._a.wav) is named like audio and is none.
    // A link that leads back to a folder above would never end.
    private static void Collect(DirectoryInfo folder, string below, HashSet<string> above, List<string> files)
    {
        string real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (!above.Add(real)) return;
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
        {
            if (entry.Name.StartsWith('.')) continue;
            if (entry is DirectoryInfo inner) Collect(inner, below + entry.Name + '/', above, files);
            else if (AudioFormats.IsKnown(entry.Name)) files.Add(below + entry.Name);
        }
        above.Remove(real);
    }

    private static void RefuseEqualIds(List<AudioInput> inputs)
    {
        Dictionary<string, string> sources = new(StringComparer.Ordinal);
        foreach (AudioInput input in inputs)
        {
            if (!sources.TryAdd(input.Id, input.Source))
                throw new ExtractionException($"the id '{input.Id}' is found twice, for {sources[input.Id]} and {input.Source}; expected one file an id. Give their common folder instead, or rename one");
        }
    }
}
