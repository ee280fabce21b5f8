using System.Diagnostics;
using System.Runtime.InteropServices;
using WavLM.Cuda.AbiProbe;
using WavLM.Cuda.Native;

// Calls NVIDIA's libraries, those that WAVLM_CUDA_PATH names, through the bindings on a machine without a GPU, and prints what came back:
// a line a fact, name and value apart by a tab. What the answers must be is in the tests, in WavLM.Cuda.Tests/Abi.
// A process of its own: one process, one CUDA.

long started = Stopwatch.GetTimestamp();
IReadOnlyList<CudaLibraryLocation> locations = CudaLibraries.Locate();
Facts.Add("search.ms", (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
foreach (CudaLibraryLocation location in locations)
{
    Facts.Add($"{location.Library.Key}.path", location.Path);
    Facts.Add($"{location.Library.Key}.emulated", location.Emulated);
    string[] imports = Imports.ByLibrary[location.Library.Key];
    Facts.Add($"{location.Library.Key}.imports", imports.Length);
    Facts.Add($"{location.Library.Key}.missing", string.Join(' ', imports.Where(name => location.Handle == 0 || !NativeLibrary.TryGetExport(location.Handle, name, out _))));
}
if (args is ["find"]) return;

NvrtcProbe.Run();
DriverProbe.Run();
CublasLtProbe.Run();
