using System.Diagnostics;

namespace WavLM.Cuda.Extraction;

/// <summary>
/// manifest.jsonl: rows in input order. Whatever kills the process, the file holds whole rows only, so it is never appended to
/// in place (a kill can cut an append in two); it is copied, extended and renamed over the old one.
/// </summary>
/// <remarks>
/// Copying is held to a megabyte a second on average: a corpus of 100,000 rows has a manifest of some 50 MB, and rewriting that for
/// every row would be all the disk does. A kill then costs at most the rows of the last seconds; an orderly end costs none.
/// </remarks>
internal sealed class Manifest
{
    private const double BytesASecond = 1e6;

    private readonly string _path;
    private readonly List<byte[]> _pending = [];
    private readonly Stopwatch _sinceWritten = new();
    private long _length;

    /// <summary>Begins an empty one; what an earlier run left is replaced.</summary>
    public Manifest(string folder)
    {
        _path = Path.Combine(folder, "manifest.jsonl");
        using AtomicFile file = AtomicFile.Create(_path);
        file.Commit();
    }

    /// <summary>Time until waiting rows should be written; null when none waits.</summary>
    public TimeSpan? UntilDue
    {
        get
        {
            if (_pending.Count == 0) return null;
            double wait = _length / BytesASecond - (_sinceWritten.IsRunning ? _sinceWritten.Elapsed.TotalSeconds : double.MaxValue);
            return TimeSpan.FromSeconds(Math.Max(0, wait));
        }
    }

    public void Add(byte[] line) => _pending.Add(line);

    /// <summary>Writes the rows that wait.</summary>
    public void Write()
    {
        if (_pending.Count == 0) return;
        using AtomicFile file = AtomicFile.Create(_path);
        file.CopyFrom(_path);
        foreach (byte[] line in _pending) file.Write(line);
        file.Commit();
        _length = file.Length;
        _pending.Clear();
        _sinceWritten.Restart();
    }
}
