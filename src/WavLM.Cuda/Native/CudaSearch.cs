namespace WavLM.Cuda.Native;

/// <summary>
/// Finds the three libraries so that they fit together. The folder the user named comes first, whatever it holds; after it the highest
/// major version that the driver allows, wherever it lies; of one version, the first place. The emulated device is never mixed with
/// real libraries: the first library found decides which of the two this process uses.
/// </summary>
internal sealed class CudaSearch(CudaLibraryName[] names, IReadOnlyList<CudaPlace> places, INativeLoader loader)
{
    private const int OldestDriver = 11040;   // cuGraphInstantiateWithFlags came with 11.4, memory pools with 11.2

    private readonly Lock _lock = new();
    private readonly List<CudaLibraryLocation> _found = [];   // in the order of the names
    private int _driverVersion;                               // 12080 is CUDA 12.8; 0 if there is no driver to ask

    /// <exception cref="NativeLibraryException">It is nowhere, or nothing that may be used with the others.</exception>
    public nint Load(string key)
    {
        CudaLibraryLocation location = Find(key);
        return location.Handle != 0 ? location.Handle : throw new NativeLibraryException(
            $"{location.Library.Files[0].Name}, {location.Library.What}, could not be loaded. Tried:{location.Describe()}\n{location.Library.Remedy}, or name the folder that holds it in {CudaPlaces.Variable}");
    }

    /// <summary>Looks for it, and for what must be known before it, once.</summary>
    public CudaLibraryLocation Find(string key)
    {
        int index = Array.FindIndex(names, name => name.Key == key);
        lock (_lock)
        {
            while (_found.Count <= index) _found.Add(Look(names[_found.Count]));
            return _found[index];
        }
    }

    private CudaLibraryLocation Look(CudaLibraryName library)
    {
        List<TriedPlace> tried = [];
        foreach ((CudaPlace place, CudaFileName file) in InOrder(library))
        {
            if (Allows(file.Major, tried, file.Name) && Try(library, place, file, tried) is { } location) return location;
        }
        return new(library, 0, null, Emulated: false, tried);
    }

    private IEnumerable<(CudaPlace Place, CudaFileName File)> InOrder(CudaLibraryName library)
    {
        foreach (CudaPlace place in places.Where(place => place.Named))
        {
            foreach (CudaFileName file in library.Files) yield return (place, file);
        }
        foreach (CudaFileName file in library.Files)
        {
            foreach (CudaPlace place in places.Where(place => !place.Named)) yield return (place, file);
        }
    }

    private bool Allows(int major, List<TriedPlace> tried, string name)
    {
        if (_driverVersion == 0 || major <= _driverVersion / 1000) return true;
        AddOnce(tried, new(name, $"not looked for: it needs a driver for CUDA {major}, and this one is for {Name(_driverVersion)}"));
        return false;
    }

    private static string Name(int version) => $"{version / 1000}.{version % 1000 / 10}";

    private static void AddOnce(List<TriedPlace> tried, TriedPlace place)
    {
        if (!tried.Contains(place)) tried.Add(place);
    }

    private CudaLibraryLocation? Try(CudaLibraryName library, CudaPlace place, CudaFileName file, List<TriedPlace> tried)
    {
        string[] paths = place.Folders is null ? [file.Name] : [.. place.Folders.Select(folder => Path.Combine(folder, file.Name)).Where(File.Exists)];
        if (paths.Length == 0) AddOnce(tried, new(place.Label, place.Folders is [] ? place.Absent : $"no {file.Name}"));
        foreach (string path in paths)
        {
            string shown = place.Folders is null ? $"{place.Label} for {path}" : path;
            if (!loader.TryLoad(path, out nint handle, out string reason))
            {
                tried.Add(new(shown, reason));
                continue;
            }
            if (Accept(library, handle, path, shown, tried) is { } location)
            {
                if (library.Beside is not null && place.Folders is not null) LoadBeside(path, library.Beside);
                return location;
            }
            loader.Free(handle);
        }
        return null;
    }

    // Once loaded by path, a file is found by name. One that does not load is missed, and named, by the library itself.
    private void LoadBeside(string path, string pattern)
    {
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, pattern)) loader.TryLoad(file, out _, out _);
    }

    private CudaLibraryLocation? Accept(CudaLibraryName library, nint handle, string path, string shown, List<TriedPlace> tried)
    {
        bool emulated = loader.Exports(handle, "emu_version");
        if (_found.Find(found => found.Handle != 0) is { } first && first.Emulated != emulated)
        {
            tried.Add(new(shown, $"{Kind(emulated)}, and {first.Path} is {Kind(first.Emulated)}: the two are never mixed"));
            return null;
        }
        if (library == names[0])
        {
            int version = loader.DriverVersion(handle);
            if (version is > 0 and < OldestDriver)
            {
                tried.Add(new(shown, $"a driver for CUDA {Name(version)}, and {Name(OldestDriver)} is the oldest that has every function needed"));
                return null;
            }
            _driverVersion = version;
        }
        return new(library, handle, loader.PathOf(handle, path), emulated, tried);

        static string Kind(bool emulated) => emulated ? "of the emulated device" : "real";
    }
}

/// <summary>What the search asks of the system's loader.</summary>
internal interface INativeLoader
{
    bool TryLoad(string path, out nint handle, out string reason);

    void Free(nint handle);

    bool Exports(nint handle, string symbol);

    /// <summary>The version of CUDA that a driver is for; 0 if it does not say.</summary>
    int DriverVersion(nint driver);

    /// <summary>The file behind a handle, links resolved.</summary>
    string PathOf(nint handle, string loadedAs);
}
