using System.Text;

namespace WavLM.Cuda.Cli;

/// <summary>Words on the standard error stream.</summary>
internal static class Terminal
{
    /// <summary>A line that begins with the command's name.</summary>
    public static void WriteError(string message) => Console.Error.WriteLine($"wavlm: {Printable(message)}");

    /// <summary>Names come from files and folders of any origin: a control character must not reach the terminal.</summary>
    public static string Printable(string text)
    {
        if (!text.Any(IsHarmful)) return text;
        StringBuilder clean = new(text.Length);
        foreach (char c in text) clean.Append(IsHarmful(c) ? '?' : c);
        return clean.ToString();

        static bool IsHarmful(char c) => char.IsControl(c) && c is not ('\n' or '\t');
    }
}
