using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>Which NVRTC is at hand. Its version has no patch level, so the library's file says the rest.</summary>
/// <param name="Version">As it says: 12.8.</param>
/// <param name="Path">The file that was loaded.</param>
/// <param name="Length">The file's.</param>
/// <param name="Modified">The file's, in ticks.</param>
internal sealed record NvrtcIdentity(string Version, string Path, long Length, long Modified)
{
    public static NvrtcIdentity OfLoaded()
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcVersion(out int major, out int minor));
        string path = CudaLibraries.Locate().Single(static location => location.Library.Key == CudaLibraries.Nvrtc).Path!;
        FileInfo file = new(path);
        return new NvrtcIdentity($"{major}.{minor}", path, file.Exists ? file.Length : 0, file.Exists ? file.LastWriteTimeUtc.Ticks : 0);
    }
}
