using WavLM.Cuda.Native;

namespace WavLM.Cuda.Tests.Native;

/// <summary>Which of several CUDAs on a machine is taken. The files are empty: a loader made here says what they would be.</summary>
public sealed class CudaSearchTests : IDisposable
{
    private readonly TemporaryFolder _machine = new();
    private readonly PretendedLoader _loader = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void The_folder_the_user_names_goes_before_the_loader_and_the_loader_before_the_toolkit()
    {
        _loader.Installed["libcuda.so.1"] = Real(12080);
        string named = Put("named/libcuda.so.1", Real(12080));
        Put("toolkit/libcuda.so.1", Real(12080));
        Assert.Equal(named, Search("named").Find("cuda").Path);
        Assert.Equal("libcuda.so.1", Search(null).Find("cuda").Path);
        _loader.Installed.Remove("libcuda.so.1");
        CudaLibraryLocation last = Search(null).Find("cuda");
        Assert.Equal(Path.Combine(_machine.Path, "toolkit/libcuda.so.1"), last.Path);
        Assert.Equal([new("WAVLM_CUDA_PATH", "not set"), new("the loader's folders for libcuda.so.1", "no such library")], last.Tried);
    }

    [Fact]
    public void The_highest_major_that_the_driver_allows_is_taken_wherever_it_lies()
    {
        _loader.Installed["libcuda.so.1"] = Real(12020);
        _loader.Installed["libnvrtc.so.11.2"] = Real(0);
        string twelve = Put("toolkit/libnvrtc.so.12", Real(0));
        Put("toolkit/libnvrtc.so.13", Real(0));
        CudaLibraryLocation found = Search(null).Find("nvrtc");
        Assert.Equal(twelve, found.Path);
        Assert.Contains(new("libnvrtc.so.13", "not looked for: it needs a driver for CUDA 13, and this one is for 12.2"), found.Tried);
    }

    [Fact]
    public void A_driver_that_lacks_functions_is_refused_by_its_version()
    {
        _loader.Installed["libcuda.so.1"] = Real(10020);
        NativeLibraryException error = Assert.Throws<NativeLibraryException>(() => Search(null).Load("cuda"));
        Assert.Contains("the loader's folders for libcuda.so.1: a driver for CUDA 10.2, and 11.4 is the oldest that has every function needed", error.Message);
    }

    [Fact]
    public void A_named_folder_keeps_its_lower_major()
    {
        _loader.Installed["libcuda.so.1"] = Real(13000);
        _loader.Installed["libcublasLt.so.13"] = Real(0);
        string eleven = Put("named/libcublasLt.so.11", Real(0));
        Assert.Equal(eleven, Search("named").Find("cublasLt").Path);
    }

    [Fact]
    public void Without_a_driver_the_compiler_is_found_all_the_same()
    {
        string thirteen = Put("toolkit/libnvrtc.so.13", Real(0));
        Assert.Equal(thirteen, Search(null).Find("nvrtc").Path);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Emulated_and_real_are_never_mixed(bool emulatedDriver)
    {
        string driver = Put("named/libcuda.so.1", new(emulatedDriver, 12080));
        string other = Put("named/libnvrtc.so.12", new(!emulatedDriver, 0));
        CudaSearch search = Search("named");
        NativeLibraryException error = Assert.Throws<NativeLibraryException>(() => search.Load("nvrtc"));
        Assert.Contains($"{other}: {(emulatedDriver ? "real" : "of the emulated device")}, and {driver} is {(emulatedDriver ? "of the emulated device" : "real")}: the two are never mixed", error.Message);
        Assert.Equal(1, _loader.Freed);

        string fitting = Put("toolkit/libnvrtc.so.11.2", new(emulatedDriver, 0));
        Assert.Equal(fitting, Search("named").Find("nvrtc").Path);
    }

    [Fact]
    public void Without_a_driver_the_first_library_decides_what_the_next_must_be()
    {
        Put("named/libnvrtc.so.12", new(Emulated: true, 0));
        _loader.Installed["libcublasLt.so.12"] = Real(0);
        Assert.Equal(0, Search("named").Find("cublasLt").Handle);
    }

    [Fact]
    public void Nothing_found_names_every_place_and_what_to_install()
    {
        Directory.CreateDirectory(_machine.File("toolkit/placeholder")[..^"/placeholder".Length]);
        NativeLibraryException error = Assert.Throws<NativeLibraryException>(() => Search("absent").Load("nvrtc"));
        Assert.StartsWith("libnvrtc.so.13, the CUDA run-time compiler, could not be loaded. Tried:\n", error.Message);
        Assert.Contains("absent: no such folder\n", error.Message);
        foreach (string name in new[] { "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2" })
        {
            Assert.Contains($"the loader's folders for {name}: no such library", error.Message);
            Assert.Contains($"toolkit: no {name}", error.Message);
        }
        Assert.Contains("pip install nvidia-cuda-nvrtc-cu12", error.Message);
        Assert.EndsWith("or name the folder that holds it in WAVLM_CUDA_PATH", error.Message);
    }

    [Fact]
    public void A_file_that_is_no_library_is_named_with_the_loaders_words_and_the_next_place_is_tried()
    {
        string broken = _machine.File("named/libcuda.so.1");
        File.WriteAllBytes(broken, [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, .. new byte[100]]);   // a header, and nothing that it promises
        CudaLibraryName driver = new("cuda", "a library", [new(0, "libcuda.so.1")], "Install it");
        CudaLibraryName libc = driver with { Files = [new(0, "libc.so.6")] };

        CudaSearch alone = new([driver], [new("named", [Path.GetDirectoryName(broken)!], Named: true)], new SystemLoader());
        CudaLibraryLocation nowhere = alone.Find("cuda");
        Assert.Equal((0, broken), (nowhere.Handle, nowhere.Tried[0].Place));
        Assert.StartsWith(broken, nowhere.Tried[0].Reason);

        CudaLibraryLocation found = new CudaSearch([libc], [new("the loader's folders", null)], new SystemLoader()).Find("cuda");
        Assert.NotEqual(0, found.Handle);
        Assert.True(Path.IsPathRooted(found.Path) && File.Exists(found.Path), found.Path);   // a library found by name says where it lies
        Assert.False(found.Emulated);
    }

    [Fact]
    public void The_compilers_builtins_are_loaded_from_beside_it()
    {
        Put("named/libnvrtc.so.11.2", Real(0));
        string builtins = Put("named/libnvrtc-builtins.so.11.8", Real(0));
        Search("named").Load("nvrtc");
        Assert.Contains(builtins, _loader.Loaded);
    }

    private static PretendedLibrary Real(int driverVersion) => new(Emulated: false, driverVersion);

    private string Put(string file, PretendedLibrary library)
    {
        string path = _machine.File(file);
        File.WriteAllBytes(path, []);
        _loader.Installed[path] = library;
        return path;
    }

    private CudaSearch Search(string? named)
    {
        string toolkit = Path.Combine(_machine.Path, "toolkit");
        CudaPlace first = CudaPlaces.Of(named is null ? null : Path.Combine(_machine.Path, named), path: null, windowsToolkit: null, _machine.Path)[0];
        return new(CudaLibraries.Names, [first, new("the loader's folders", null), new("toolkit", Directory.Exists(toolkit) ? [toolkit] : [])], _loader);
    }

    /// <param name="Emulated">It exports emu_version.</param>
    /// <param name="DriverVersion">What cuDriverGetVersion would say.</param>
    private sealed record PretendedLibrary(bool Emulated, int DriverVersion);

    private sealed class PretendedLoader : INativeLoader
    {
        private readonly List<PretendedLibrary> _handles = [];

        public Dictionary<string, PretendedLibrary> Installed { get; } = [];

        public List<string> Loaded { get; } = [];

        public int Freed { get; private set; }

        public bool TryLoad(string path, out nint handle, out string reason)
        {
            bool known = Installed.TryGetValue(path, out PretendedLibrary? library);
            reason = known ? "" : "no such library";
            handle = 0;
            if (!known) return false;
            Loaded.Add(path);
            _handles.Add(library!);
            handle = _handles.Count;
            return true;
        }

        public void Free(nint handle) => Freed++;

        public bool Exports(nint handle, string symbol) => symbol == "emu_version" && _handles[(int)handle - 1].Emulated;

        public int DriverVersion(nint driver) => _handles[(int)driver - 1].DriverVersion;

        public string PathOf(nint handle, string loadedAs) => loadedAs;
    }
}
