using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Checks;

/// <summary>The emulated device of tests/cuda-on-cpu, and what only it can be told or asked: profiles, faults, counters, reports.</summary>
internal static unsafe class EmulatedDevice
{
    /// <summary>Tests on the device share it, so they run one after another.</summary>
    public const string Collection = "emulated device";

    public const string Library = "libcuda-on-cpu.so";

    private const string CacheVariable = "XDG_CACHE_HOME";
    private const string LibraryFolderVariable = "WAVLM_CUDA_PATH";

    private static readonly Lazy<nint> Loaded = new(static () => NativeLibrary.Load(Path.Combine(
        Folder ?? throw new InvalidOperationException("the emulated device is not built: make emulator"), Library)));

    /// <summary>Where it lies: in the folder that WAVLM_CUDA_PATH names, or where it was built; null where it was not.</summary>
    public static string? Folder { get; } = Find();

    // Beside the device: the user's own cache is not for its kernels.
    private static string? WatchedCache => Folder is null ? null : Path.Combine(Folder, "watched");

    private static string? UnwatchedCache => Folder is null ? null : Path.Combine(Folder, "unwatched");

    /// <summary>What a call of the driver, NVRTC or cuBLASLt can be made to fail at.</summary>
    public enum Fault
    {
        Allocation,
        Copy,
        Launch,
        Compile,
        Matmul,
    }

    /// <summary>Before anything loads the driver, which is looked for once in a process.</summary>
    public static void PointTheEngineAtIt()
    {
        if (Folder is null) return;
        Environment.SetEnvironmentVariable(LibraryFolderVariable, Folder);
        Environment.SetEnvironmentVariable(CacheVariable, WatchedCache);
    }

    /// <summary>sm_80, 64 GiB, no faults, counters at zero, no reports.</summary>
    public static void Reset()
    {
        ((delegate* unmanaged<void>)Export("emu_reset"))();
        UseCacheOf(watched: true);
    }

    public static void SetProfile(int architecture)
    {
        if (((delegate* unmanaged<int, int>)Export("emu_set_profile"))(architecture) != 0)
            throw new ArgumentOutOfRangeException(nameof(architecture), architecture, "no such device is emulated");
    }

    public static void SetMemory(long bytes) => ((delegate* unmanaged<nuint, void>)Export("emu_set_memory"))((nuint)bytes);

    public static void SetSchedule(int mode) => ((delegate* unmanaged<int, void>)Export("emu_set_schedule"))(mode);

    /// <summary>A cp.async lands at once, and not as late as its group is waited for.</summary>
    public static void SetCopyAsync(bool early) => ((delegate* unmanaged<int, void>)Export("emu_set_copy_async"))(early ? 1 : 0);

    /// <summary>The __syncthreads or __syncwarp at a line of a source, named as below kernels/, is taken out of the next launches.</summary>
    public static void SkipBarrier(string file, int line)
    {
        fixed (byte* name = Utf8(file)) ((delegate* unmanaged<byte*, int, void>)Export("emu_skip_barrier"))(name, line);
    }

    /// <summary>The nth call from now fails with a code, once or for ever.</summary>
    public static void Fail(Fault kind, long nth, bool forEver, int code) => ((delegate* unmanaged<int, long, int, int, void>)Export("emu_fail"))((int)kind, nth, forEver ? 1 : 0, code);

    public static void Fail(Fault kind, CuResult code, bool forEver = false) => Fail(kind, 1, forEver, (int)code);

    /// <summary>No fault of any kind.</summary>
    public static void ClearFaults()
    {
        foreach (Fault kind in Enum.GetValues<Fault>()) Fail(kind, nth: 0, forEver: false, code: 0);
    }

    public static long Count(string what)
    {
        fixed (byte* name = Utf8(what)) return ((delegate* unmanaged<byte*, long>)Export("emu_count"))(name);
    }

    public static void ResetCounts() => ((delegate* unmanaged<void>)Export("emu_reset_counts"))();

    /// <summary>What the device found wrong since the last reset.</summary>
    public static string[] Reports()
    {
        var text = (delegate* unmanaged<int, byte*>)Export("emu_report");
        string[] reports = new string[((delegate* unmanaged<int>)Export("emu_reports"))()];
        for (int i = 0; i < reports.Length; i++) reports[i] = Marshal.PtrToStringUTF8((nint)text(i))!;
        return reports;
    }

    /// <summary>Whether kernels compiled from now on have their accesses watched; without, they are a good deal faster.</summary>
    public static void SetInstrumented(bool watched)
    {
        ((delegate* unmanaged<int, void>)Export("emu_set_instrumented"))(watched ? 1 : 0);
        UseCacheOf(watched);
    }

    /// <summary>The kernels launched since the last reset of the counts.</summary>
    public static string[] Kernels()
    {
        var name = (delegate* unmanaged<int, byte*>)Export("emu_kernel_name");
        string[] kernels = new string[((delegate* unmanaged<int>)Export("emu_kernels"))()];
        for (int i = 0; i < kernels.Length; i++) kernels[i] = Marshal.PtrToStringUTF8((nint)name(i))!;
        return kernels;
    }

    /// <summary>Seconds that the compiler took since the start of the process; what was kept from an earlier run takes none.</summary>
    public static double CompileSeconds() => ((delegate* unmanaged<double>)Export("emu_compile_seconds"))();

    // To the product a watched kernel and one that is not are the same: in one cache the first to come would stand for both, and
    // tests that rely on reports would watch nothing. A test with a cache of its own keeps it.
    private static void UseCacheOf(bool watched)
    {
        (string? from, string? to) = watched ? (UnwatchedCache, WatchedCache) : (WatchedCache, UnwatchedCache);
        if (Environment.GetEnvironmentVariable(CacheVariable) == from) Environment.SetEnvironmentVariable(CacheVariable, to);
    }

    private static nint Export(string name) => NativeLibrary.GetExport(Loaded.Value, name);

    private static byte[] Utf8(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text), 0];

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(LibraryFolderVariable) is { Length: > 0 } named && File.Exists(Path.Combine(named, Library))) return Path.GetFullPath(named);
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string build = Path.Combine(folder.FullName, "tests", "cuda-on-cpu", "build");
            if (File.Exists(Path.Combine(build, Library))) return build;
        }
        return null;
    }
}
