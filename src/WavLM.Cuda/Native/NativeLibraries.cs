using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace WavLM.Cuda.Native;

/// <summary>
/// Where native libraries are found: the one resolver of this assembly. Imports name a key of the table below, or of
/// <see cref="CudaLibraries"/>, never a file.
/// For a name it owns it returns a library or throws: a zero would fall through to the loader, which may find another one.
/// </summary>
internal static class NativeLibraries
{
    private static readonly FrozenDictionary<string, NativeLibraryFile> Owned = new Dictionary<string, NativeLibraryFile>
    {
        ["c"] = new("libc.so.6", "libc6"),
        ["dnnl"] = new("libdnnl.so.2", "libdnnl2"),       // oneDNN 3 is another ABI: no other major will do
        ["gomp"] = new("libgomp.so.1", "libgomp1"),
        ["sndfile"] = new("libsndfile.so.1", "libsndfile1"),
        ["soxr"] = new("libsoxr.so.0", "libsoxr0"),
    }.ToFrozenDictionary();

    /// <summary>A portable installation carries its libraries in this folder; they go before the machine's own.</summary>
    private static string BundledFolder => Path.Combine(AppContext.BaseDirectory, "lib");

    // An initializer of the module, and not a constructor of each import class, so that no import can forget it.
    [SuppressMessage("Usage", "CA2255", Justification = "It only sets the resolver of this very assembly.")]
    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    internal static nint Resolve(string key, Assembly assembly, DllImportSearchPath? searchPath)
        => Owned.TryGetValue(key, out NativeLibraryFile? file) ? Load(file, BundledFolder)
            : CudaLibraries.Owns(key) ? CudaLibraries.Load(key)
            : 0;

    /// <exception cref="NativeLibraryException">It is neither in the folder nor known to the loader.</exception>
    internal static nint Load(NativeLibraryFile file, string bundledFolder)
    {
        StringBuilder tried = new();
        string bundled = Path.Combine(bundledFolder, file.Name);
        if (!File.Exists(bundled))
            tried.Append($"\n  {bundled}: no such file");
        else if (TryLoad(bundled, tried, out nint library))
            return library;

        return TryLoad(file.Name, tried, out nint installed) ? installed : throw new NativeLibraryException(
            $"{file.Name} could not be loaded. Tried:{tried}\nInstall it: apt-get install {file.Package}");
    }

    private static bool TryLoad(string path, StringBuilder tried, out nint library)
    {
        bool loaded = new SystemLoader().TryLoad(path, out library, out string reason);
        if (!loaded) tried.Append($"\n  {(Path.IsPathRooted(path) ? path : $"the loader's folders for {path}")}: {reason}");
        return loaded;
    }
}

/// <summary>A library by its file name, major version included.</summary>
/// <param name="Name">As the loader knows it.</param>
/// <param name="Package">The Debian package that holds it.</param>
internal sealed record NativeLibraryFile(string Name, string Package);
