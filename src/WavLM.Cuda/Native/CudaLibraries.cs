namespace WavLM.Cuda.Native;

/// <summary>The driver, NVRTC and cuBLASLt of this process: found together, once. One process, one CUDA.</summary>
internal static class CudaLibraries
{
    internal const string Driver = "cuda";
    internal const string Nvrtc = "nvrtc";
    internal const string CublasLt = "cublasLt";

    /// <summary>In the order in which they are looked for: the driver's version decides what else may be loaded.</summary>
    internal static readonly CudaLibraryName[] Names = OperatingSystem.IsWindows()
        ?
        [
            new(Driver, "NVIDIA's driver", [new(0, "nvcuda.dll")], "Install NVIDIA's driver"),
            new(Nvrtc, "the CUDA run-time compiler", [new(13, "nvrtc64_130_0.dll"), new(12, "nvrtc64_120_0.dll"), new(11, "nvrtc64_112_0.dll")],
                "Install the CUDA toolkit, 11.8 to 13"),
            new(CublasLt, "cuBLASLt", [new(13, "cublasLt64_13.dll"), new(12, "cublasLt64_12.dll"), new(11, "cublasLt64_11.dll")],
                "Install the CUDA toolkit, 11.8 to 13"),
        ]
        :
        [
            new(Driver, "NVIDIA's driver", [new(0, "libcuda.so.1")], "Install NVIDIA's driver: on Debian, apt-get install nvidia-driver libcuda1 (non-free)"),
            // libnvrtc.so.11.2 is the name of 11.2 to 11.8: NVRTC kept it when it kept its ABI.
            new(Nvrtc, "the CUDA run-time compiler", [new(13, "libnvrtc.so.13"), new(12, "libnvrtc.so.12"), new(11, "libnvrtc.so.11.2")],
                "Install the CUDA toolkit, 11.8 to 13, or its part: pip install nvidia-cuda-nvrtc-cu12, or on Debian apt-get install libnvrtc11.2 (non-free)") { Beside = "libnvrtc-builtins.so.*" },
            new(CublasLt, "cuBLASLt", [new(13, "libcublasLt.so.13"), new(12, "libcublasLt.so.12"), new(11, "libcublasLt.so.11")],
                "Install the CUDA toolkit, 11.8 to 13, or its part: pip install nvidia-cublas-cu12, or on Debian apt-get install libcublaslt11 (non-free)"),
        ];

    private static readonly Lazy<CudaSearch> Search = new(() => new CudaSearch(Names, CudaPlaces.OfThisMachine(), new SystemLoader()));

    internal static bool Owns(string key) => key is Driver or Nvrtc or CublasLt;

    /// <exception cref="NativeLibraryException">It is nowhere, or nothing that may be used with the other two. Every place is named.</exception>
    internal static nint Load(string key) => Search.Value.Load(key);

    /// <summary>Where each library was found, and every place looked at with the reason why not. What is found is loaded, and is what calls will use.</summary>
    internal static IReadOnlyList<CudaLibraryLocation> Locate() => [.. Names.Select(name => Search.Value.Find(name.Key))];
}

/// <summary>A library by the file names of its major versions.</summary>
/// <param name="Key">What imports name it.</param>
/// <param name="What">For people.</param>
/// <param name="Files">The highest major version first; a major of 0 goes with every driver.</param>
/// <param name="Remedy">What to install.</param>
internal sealed record CudaLibraryName(string Key, string What, CudaFileName[] Files, string Remedy)
{
    /// <summary>Files that the library asks the loader for by name, and that lie beside it: outside the loader's folders it would not find them.</summary>
    public string? Beside { get; init; }
}

/// <param name="Major">Of CUDA.</param>
/// <param name="Name">As the loader knows it.</param>
internal readonly record struct CudaFileName(int Major, string Name);

/// <summary>Where one library is, or why it is nowhere.</summary>
/// <param name="Library">Which one.</param>
/// <param name="Handle">The loader's handle; 0 if it is nowhere.</param>
/// <param name="Path">The file, links resolved; null if it is nowhere.</param>
/// <param name="Emulated">It is the emulated device's.</param>
/// <param name="Tried">The places before that one, in order.</param>
internal sealed record CudaLibraryLocation(CudaLibraryName Library, nint Handle, string? Path, bool Emulated, IReadOnlyList<TriedPlace> Tried)
{
    /// <summary>One line a place.</summary>
    public string Describe() => string.Concat(Tried.Select(tried => $"\n  {tried.Place}: {tried.Reason}"));
}

/// <param name="Place">A file, or the folders where its name was looked for.</param>
/// <param name="Reason">Why it was not used.</param>
internal readonly record struct TriedPlace(string Place, string Reason);
