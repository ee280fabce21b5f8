using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed class KernelTests : IDisposable
{
    private const string Scale = """
        #include "common/factor.cuh"
        extern "C" __global__ void scale(const float* __restrict__ x, float* y, long long count, int offset, float add, double times)
        {
            const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
            if (i >= count) return;
            y[i] = FACTOR * x[i] + (float)offset + add + (float)times;
        }
        """;

    private const string Shared = """
        extern __shared__ float4 shared[];
        extern "C" __global__ void fill(float* y, int count)
        {
            float* values = reinterpret_cast<float*>(shared);
            for (int i = threadIdx.x; i < count; i += blockDim.x) values[i] = (float)i;
            __syncthreads();
            for (int i = threadIdx.x; i < count; i += blockDim.x) y[i] = values[count - 1 - i];
        }
        """;

    private readonly Dictionary<string, string> _files = new() { ["scale.cu"] = Scale, ["shared.cu"] = Shared, ["common/factor.cuh"] = "#pragma once\n" };
    private readonly TemporaryFolder _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public void Arguments_of_every_kind_reach_the_kernel()
    {
        using Setup setup = new(this);
        Kernel scale = setup.Scales[3];
        using Tensor x = setup.Session.Upload([1, 2, 3, 4, 5], columns: 1), y = setup.Session.Memory.Rent(5, 5, 1, ElementType.Float32);
        scale.Launch(setup.Session.Stream, Grid.Over(5, 4), x, (nuint)y.Address, 5L, 100, 0.5f, 0.25);
        Assert.Equal([103.75f, 106.75f, 109.75f, 112.75f, 115.75f], setup.Session.Download(y));
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Fact]
    public void A_launch_allocates_nothing_on_the_managed_heap()
    {
        using Setup setup = new(this);
        using Tensor x = setup.Session.Upload([1, 2, 3, 4], columns: 1), y = setup.Session.Memory.Rent(4, 4, 1, ElementType.Float32);
        Launch(10);   // compiled, loaded, and the imports bound
        long before = GC.GetAllocatedBytesForCurrentThread();
        Launch(100);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        setup.Session.Stream.Synchronize();

        void Launch(int times)
        {
            for (int i = 0; i < times; i++) setup.Scales[2].Launch(setup.Session.Stream, Grid.Over(4, 4), x, y, 4L, 1, 1f, 1.0);
        }
    }

    [Fact]
    public void An_empty_grid_is_no_launch()
    {
        using Setup setup = new(this);
        setup.Scales[2].Launch(setup.Session.Stream, Grid.Over(0, 4), (nuint)0, (nuint)0, 0L, 1, 1f, 1.0);
        Assert.Equal(0, EmulatedDevice.Count("launches"));
    }

    [Fact]
    public void A_launch_that_fails_names_kernel_grid_shared_bytes_and_shapes()
    {
        using Setup setup = new(this);
        using Tensor x = setup.Session.Upload([1, 2, 3, 4], columns: 2), y = setup.Session.Memory.Rent(2, 2, 2, ElementType.Float32);
        Kernel scale = setup.Scales[2];
        EmulatedDevice.Fail(EmulatedDevice.Fault.Launch, CuResult.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
        var refused = Assert.Throws<CudaException>(() => scale.Launch(setup.Session.Stream, new Grid(7, 2), x, y, 4L, -3, 0.5f, 2.5));
        Assert.Contains("launch of scale <FACTOR=2>, grid (7, 2, 1), 4 threads, 16 shared bytes, arguments (Float32 [2, 2], Float32 [2, 2], 4, -3, 0.5f, 2.5)", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(80)]
    [InlineData(86)]
    [InlineData(90)]
    public void Shared_memory_is_asked_for_up_to_what_the_device_has(int architecture)
    {
        using Setup setup = new(this, architecture);
        KernelFamily<int> fills = new(setup.Kernels, static count => new("shared.cu", "fill", [], 128, count * sizeof(float)));
        int count = setup.Session.Device.SharedBytesOfBlock / sizeof(float);
        using Tensor y = setup.Session.Memory.Rent(count, count, 1, ElementType.Float32);
        fills[count].Launch(setup.Session.Stream, new Grid(1), y, count);
        Assert.Equal(count - 1, setup.Session.Download(y)[0]);

        int more = (count + 1) * sizeof(float);
        var refused = Assert.Throws<PlatformNotSupportedException>(() => fills[count + 1].Launch(setup.Session.Stream, new Grid(1), y, count));
        Assert.Contains($"fill needs {more:N0} bytes", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"sm_{architecture}) has {count * sizeof(float):N0}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_that_does_not_compile_is_an_error_with_the_log_and_can_be_mended()
    {
        using Setup setup = new(this);
        KernelFamily<int> broken = new(setup.Kernels, static key => new("broken.cu", "broken", [$"KEY={key}"], 32));
        _files["broken.cu"] = "extern \"C\" __global__ void broken() { no_such_name; }";
        var refused = Assert.Throws<KernelCompilationException>(() => broken[1]);
        Assert.Contains("kernels/broken.cu with --gpu-architecture=sm_80 --std=c++17 -DKEY=1", refused.Message, StringComparison.Ordinal);
        Assert.Contains("no_such_name", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compilation_that_failed_once_is_tried_again_at_the_next_use()
    {
        using Setup setup = new(this);
        EmulatedDevice.Fail(EmulatedDevice.Fault.Compile, 1, forEver: false, (int)NvrtcResult.NVRTC_ERROR_INTERNAL_ERROR);
        Assert.Throws<CudaException>(() => setup.Scales[5]);
        Assert.NotNull(setup.Scales[5]);
    }

    [Fact]
    public void A_missing_header_is_named_with_the_file_that_includes_it()
    {
        using Setup setup = new(this);
        _files["lost.cu"] = "  #  include \"common/lost.cuh\"\n";
        KernelFamily<int> lost = new(setup.Kernels, static _ => new("lost.cu", "lost", [], 32));
        var refused = Assert.Throws<FileNotFoundException>(() => lost[0]);
        Assert.Equal("kernels/lost.cu includes \"common/lost.cuh\", and there is no kernels/common/lost.cuh", refused.Message);
    }

    [Fact]
    public void The_next_process_compiles_nothing_and_a_damaged_entry_is_compiled_again()
    {
        string entry;
        using (Setup first = new(this))
        {
            _ = first.Scales[2];
            Assert.Equal((1, 0), first.Compiler.Counts);
            entry = Directory.GetFiles(first.Cache.Folder!).Single();
        }
        Assert.Equal((0, 1), CountsOfOne());

        byte[] bytes = File.ReadAllBytes(entry);
        bytes[^1] ^= 1;
        File.WriteAllBytes(entry, bytes);
        Assert.Equal((1, 0), CountsOfOne());
        Assert.Equal((0, 1), CountsOfOne());

        // Whatever an image follows from is in the key.
        _files["common/factor.cuh"] = "#pragma once\n#define UNUSED\n";
        Assert.Equal((1, 0), CountsOfOne());
        Assert.Equal((1, 0), CountsOfOne(architecture: 90));
        Assert.Equal(3, Directory.GetFiles(Path.GetDirectoryName(entry)!).Length);

        (int, int) CountsOfOne(int architecture = 80)
        {
            using Setup next = new(this, architecture);
            _ = next.Scales[2];
            return next.Compiler.Counts;
        }
    }

    [Fact]
    public void Sixteen_compilers_on_one_cold_cache_all_succeed()
    {
        EmulatedDevice.Reset();
        KernelSources sources = Sources();
        int[][] lengths = new int[16][];
        Thread[] processes = [.. Enumerable.Range(0, 16).Select(i => new Thread(() =>
        {
            using KernelCompiler compiler = new(sources, KernelCache.Open(_home.Path, static _ => { }), architecture: 80, threads: 2);
            Task<byte[]> scale = compiler.Compile("scale.cu", ["FACTOR=9"]), shared = compiler.Compile("shared.cu", []);
            lengths[i] = [scale.GetAwaiter().GetResult().Length, shared.GetAwaiter().GetResult().Length];
        }))];
        foreach (Thread process in processes) process.Start();
        foreach (Thread process in processes) process.Join();
        Assert.All(lengths, static pair => Assert.All(pair, static length => Assert.True(length > 0)));
        Assert.Equal(2, Directory.GetFiles(KernelCache.Open(_home.Path, static _ => { }).Folder!).Length);
    }

    [Theory]
    [InlineData(80, 80, true)]
    [InlineData(87, 86, false)]
    [InlineData(120, 90, false)]
    public void A_device_that_the_compiler_does_not_know_gets_PTX_of_the_newest_it_knows(int device, int architecture, bool cubin)
        => Assert.Equal(new NvrtcTarget(architecture, cubin), NvrtcTarget.For(device, [75, 80, 86, 90]));

    [Fact]
    public void A_device_that_the_compiler_has_dropped_is_an_error()
        => Assert.Contains("sm_75 and newer, and the device is sm_70", Assert.Throws<PlatformNotSupportedException>(() => NvrtcTarget.For(70, [75, 80])).Message, StringComparison.Ordinal);

    private KernelSources Sources() => new(name => _files.GetValueOrDefault(name));

    /// <summary>A process of its own, as far as the cache can tell.</summary>
    private sealed class Setup : IDisposable
    {
        public Setup(KernelTests test, int architecture = 80)
        {
            Session = new DeviceSession(architecture: architecture);
            Cache = KernelCache.Open(test._home.Path, static _ => { });
            Compiler = new KernelCompiler(test.Sources(), Cache, Session.Device.Architecture, threads: 2);
            Kernels = new Kernels(Session.Device, Compiler);
            Scales = new KernelFamily<int>(Kernels, static factor => new("scale.cu", "scale", [$"FACTOR={factor}"], Threads: 4, SharedBytes: 16));
        }

        public DeviceSession Session { get; }

        public KernelCache Cache { get; }

        public KernelCompiler Compiler { get; }

        public Kernels Kernels { get; }

        public KernelFamily<int> Scales { get; }

        public void Dispose()
        {
            Kernels.Dispose();
            Compiler.Dispose();
            Session.Dispose();
        }
    }
}
