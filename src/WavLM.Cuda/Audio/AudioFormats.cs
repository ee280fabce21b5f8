using System.Collections.Frozen;

namespace WavLM.Cuda.Audio;

/// <summary>The file names that are taken for audio.</summary>
public static class AudioFormats
{
    private static readonly FrozenSet<string> Known =
        new[] { ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>The known extensions, for a message.</summary>
    public static string Extensions { get; } = ".wav, .flac, .ogg, .oga, .opus, .mp3, .aiff, .aif or .aifc";

    /// <summary>Whether a file's name ends like audio's, in either case of letters.</summary>
    /// <param name="path">The file.</param>
    public static bool IsKnown(string path) => Known.Contains(Path.GetExtension(path));
}
