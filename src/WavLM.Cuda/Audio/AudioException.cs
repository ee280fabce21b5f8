namespace WavLM.Cuda.Audio;

/// <summary>An audio file can't be used. The message says what was found, what was expected and what to do.</summary>
public sealed class AudioException : Exception
{
    /// <summary>An error of one file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What was found, expected, and what to do.</param>
    /// <param name="cause">The error underneath, if there is one.</param>
    public AudioException(string path, string problem, Exception? cause = null)
        : base($"{path}: {problem}", cause)
    {
        Path = path;
        Problem = problem;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The message without the file's name.</summary>
    public string Problem { get; }
}
