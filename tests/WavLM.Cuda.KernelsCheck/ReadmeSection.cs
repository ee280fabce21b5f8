namespace WavLM.Cuda.KernelsCheck;

/// <summary>The part of a Markdown file that is written by a program: what is between the two markers.</summary>
/// <param name="file">The file.</param>
internal sealed class ReadmeSection(string file)
{
    internal const string Begin = "<!-- make kernels-check writes from here -->\n", End = "<!-- to here -->\n";

    /// <exception cref="InvalidDataException">The file has not both markers, once each and in their order.</exception>
    public string Text
    {
        get
        {
            string all = File.ReadAllText(file);
            (int first, int last) = Bounds(all);
            return all[first..last];
        }
    }

    /// <inheritdoc cref="Text" path="/exception" />
    public void Write(string text)
    {
        string all = File.ReadAllText(file);
        (int first, int last) = Bounds(all);
        if (all[first..last] != text) File.WriteAllText(file, all[..first] + text + all[last..]);
    }

    private (int First, int Last) Bounds(string all)
    {
        int begin = all.IndexOf(Begin, StringComparison.Ordinal), end = all.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin || all.LastIndexOf(Begin, StringComparison.Ordinal) != begin || all.LastIndexOf(End, StringComparison.Ordinal) != end)
            throw new InvalidDataException($"{file} has not the two lines {Begin.Trim()} and {End.Trim()}, once each");
        return (begin + Begin.Length, end);
    }
}
