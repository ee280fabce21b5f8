using System.Globalization;

namespace WavLM.Cuda.Extraction;

/// <summary>The folder that a run writes into.</summary>
public sealed class OutputFolder
{
    private OutputFolder(string fullPath) => FullPath = fullPath;

    /// <summary>Where it is.</summary>
    public string FullPath { get; }

    /// <summary>What its volume has left.</summary>
    public long FreeBytes => new DriveInfo(FullPath).AvailableFreeSpace;

    /// <summary>Makes the folder if it is not there, and sees that files can be made in it.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="ExtractionException">It can't be made or written.</exception>
    public static OutputFolder Open(string path)
    {
        try
        {
            string full = Path.TrimEndingDirectorySeparator(Directory.CreateDirectory(path).FullName);
            string probe = AtomicFile.TemporaryName(Path.Combine(full, "probe"));
            File.OpenHandle(probe, FileMode.Create, FileAccess.Write).Dispose();
            File.Delete(probe);
            return new(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ExtractionException($"output folder {path}: it can't be written ({e.Message.TrimEnd('.')}); choose another with --out", e);
        }
    }

    /// <summary>Compares what a run will write with the room there is.</summary>
    /// <param name="plan">The run.</param>
    /// <exception cref="ExtractionException">There is less.</exception>
    public void RequireRoomFor(ExtractionPlan plan) => RequireRoomFor(plan.OutputBytes, FreeBytes);

    internal void RequireRoomFor(long bytes, long free)
    {
        if (bytes > free)
            throw new ExtractionException($"output folder {FullPath}: found {DescribeBytes(free)} free, expected about {DescribeBytes(bytes)}; ask for fewer layers, choose another volume with --out, or go on with --force");
    }

    /// <summary>A count of bytes for people: "18.2 GB".</summary>
    /// <param name="bytes">The count.</param>
    public static string DescribeBytes(long bytes)
    {
        double value = bytes;
        string[] units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
        int unit = 0;
        for (; value >= 999.5 && unit < units.Length - 1; unit++) value /= 1000;
        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 || value >= 99.5 ? Math.Round(value) : Math.Round(value, 1))} {units[unit]}");
    }

    /// <summary>The feature file of an utterance, its sub-folder made.</summary>
    /// <returns>Its full path, and its path below this folder.</returns>
    /// <exception cref="IOException">The id leads out of the folder, or a sub-folder can't be made.</exception>
    internal (string Full, string Relative) FileFor(string id)
    {
        string relative = id + ".npy";
        string full = Path.GetFullPath(Path.Combine(FullPath, relative));
        // Ids come from names below the folder given, which hold no '..'; should one ever, it stops here.
        if (full != Path.Join(FullPath, relative)) throw new IOException($"the id '{id}' is no name below the output folder; rename the file");
        MakeFolder(Path.GetDirectoryName(full)!);
        return (full, relative);
    }

    // A new folder's name is in its parent, so that is what has to be flushed.
    private static void MakeFolder(string folder)
    {
        if (Directory.Exists(folder)) return;
        string parent = Path.GetDirectoryName(folder)!;
        MakeFolder(parent);
        Directory.CreateDirectory(folder);
        AtomicFile.FlushFolder(parent);
    }
}
