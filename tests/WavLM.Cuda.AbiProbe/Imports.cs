using System.Reflection;
using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.AbiProbe;

/// <summary>The functions that the bindings import, read from the compiled assembly: what the loader will be asked for.</summary>
internal static class Imports
{
    public static readonly IReadOnlyDictionary<string, string[]> ByLibrary = new Dictionary<string, string[]>
    {
        [CudaLibraries.Driver] = Of(typeof(Driver), CudaLibraries.Driver),
        [CudaLibraries.Nvrtc] = Of(typeof(Nvrtc), CudaLibraries.Nvrtc),
        [CudaLibraries.CublasLt] = Of(typeof(CublasLt), CudaLibraries.CublasLt),
    };

    private static string[] Of(Type bindings, string library)
    {
        // The generator's stubs hold the real import as a local function, and a method without a stub is one itself.
        DllImportAttribute[] imports = [.. bindings.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
            .Select(method => method.GetCustomAttribute<DllImportAttribute>()).OfType<DllImportAttribute>()];
        if (imports.FirstOrDefault(import => import.Value != library) is { } stray) throw new InvalidOperationException($"{stray.EntryPoint} in {bindings.Name} is an import from {stray.Value}");
        return [.. imports.Select(import => import.EntryPoint!).Order(StringComparer.Ordinal)];
    }
}
