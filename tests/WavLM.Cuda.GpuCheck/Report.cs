using System.Globalization;

namespace WavLM.Cuda.GpuCheck;

/// <summary>The report: every line goes to the standard output and to the file, and is there whatever happens next.</summary>
internal sealed class Report : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _file;

    public Report(string path) => _file = new StreamWriter(path) { AutoFlush = true };

    public void Line(string text)
    {
        lock (_lock)
        {
            Console.WriteLine(text);
            _file.WriteLine(text);
        }
    }

    public void Line(FormattableString text) => Line(text.ToString(CultureInfo.InvariantCulture));

    public void Dispose() => _file.Dispose();
}
