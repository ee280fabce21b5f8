using System.Runtime.InteropServices;

namespace WavLM.Cuda.Native;

/// <summary>The loader of the operating system, with its reason in one line.</summary>
internal sealed unsafe class SystemLoader : INativeLoader
{
    public bool TryLoad(string path, out nint handle, out string reason)
    {
        try
        {
            handle = NativeLibrary.Load(path);
            reason = "";
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The runtime's own advice comes first and fills lines; the loader's words are the last of them.
            reason = e.Message.TrimEnd().Split('\n')[^1].Trim();
            handle = 0;
            return false;
        }
    }

    public void Free(nint handle) => NativeLibrary.Free(handle);

    public bool Exports(nint handle, string symbol) => NativeLibrary.TryGetExport(handle, symbol, out _);

    // By address: the import in Driver would ask the resolver, which is asking this.
    public int DriverVersion(nint driver)
    {
        int version = 0;
        return NativeLibrary.TryGetExport(driver, "cuDriverGetVersion", out nint ask) && ((delegate* unmanaged<int*, int>)ask)(&version) == 0 ? version : 0;
    }

    public string PathOf(nint handle, string loadedAs)
    {
        string path = OperatingSystem.IsWindows() ? loadedAs : FileOf(handle) ?? loadedAs;
        return File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path) : path;
    }

    // struct link_map { address; char* name; ... }
    private static string? FileOf(nint handle)
    {
        nint* map = null;
        return LibC.dlinfo(handle, LibC.RTLD_DI_LINKMAP, &map) == 0 ? Marshal.PtrToStringUTF8(map[1]) : null;
    }
}
