using System.Text;

namespace WavLM.Cuda.Checkpoints;

/// <summary>
/// A checkpoint cannot be read, is not what it should be, or cannot be run. The message has four parts: file, what was found,
/// what was expected and what to do about it.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An exception whose message is made of its four parts.</summary>
    /// <param name="path">File or folder at fault.</param>
    /// <param name="found">What is there, with the name of the tensor or key where there is one.</param>
    /// <param name="expected">What should be there.</param>
    /// <param name="remedy">What the user can do.</param>
    public CheckpointException(string path, string found, string expected, string remedy)
        : this(path, found, expected, remedy, null)
    {
    }

    /// <summary>An exception whose message is made of its four parts, with its cause.</summary>
    /// <param name="path">File or folder at fault.</param>
    /// <param name="found">What is there, with the name of the tensor or key where there is one.</param>
    /// <param name="expected">What should be there.</param>
    /// <param name="remedy">What the user can do.</param>
    /// <param name="innerException">The exception behind this one, or null.</param>
    public CheckpointException(string path, string found, string expected, string remedy, Exception? innerException)
        : base(Printable($"{path}: found {found}; expected {expected}; {remedy}"), innerException)
    {
        Path = path;
        Found = Printable(found);
        Expected = Printable(expected);
        Remedy = Printable(remedy);
    }

    /// <summary>File or folder at fault.</summary>
    public string Path { get; }

    /// <summary>What is there.</summary>
    public string Found { get; }

    /// <summary>What should be there.</summary>
    public string Expected { get; }

    /// <summary>What the user can do.</summary>
    public string Remedy { get; }

    // Names come out of files that nobody vouches for: a control character must not reach the terminal, nor a line break a log.
    private static string Printable(string text)
    {
        if (!text.Any(char.IsControl)) return text;
        var clean = new StringBuilder(text.Length);
        foreach (char c in text) clean.Append(char.IsControl(c) ? '?' : c);
        return clean.ToString();
    }
}
