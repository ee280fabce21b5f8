using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.GpuCheck.Stages;

/// <summary>
/// Every function of kernels/common/ptx.cuh: an instruction on a GPU, plain C++ on the emulated device. Both are held to results that
/// were worked out on the host, on random bits.
/// </summary>
internal static partial class PtxStage
{
    private const int Threads = 128, Blocks = 257, Groups = 3, PackFloats = 4;

    // Which kernel tries which functions.
    private static readonly Dictionary<string, string[]> Tried = new()
    {
        ["copy_async"] = ["copy_async_16", "copy_async_commit", "copy_async_wait"],
    };

    public static int Run(Options options)
    {
        string[] declared = [.. Declaration().Matches(Read("common/ptx.cuh")!).Select(match => match.Groups[1].Value)];
        string[] untried = [.. declared.Except(Tried.Values.SelectMany(names => names))];
        if (declared.Length == 0 || untried.Length > 0)
        {
            Console.WriteLine($"ptx.cuh has functions that nothing tries: {string.Join(", ", untried)}");
            return StageExit.Failed;
        }

        using CudaDevice device = CudaDevice.Open(0);
        using CudaStream stream = new(device);
        using DeviceMemoryPool memory = new(device, stream);
        using KernelCompiler compiler = new(new KernelSources(Read), KernelCache.None, device.Architecture, threads: 1);
        using Kernels kernels = new(device, compiler);
        return CopyAsync(stream, memory, kernels) ? StageExit.Passed : StageExit.Failed;
    }

    private static bool CopyAsync(CudaStream stream, DeviceMemoryPool memory, Kernels kernels)
    {
        Kernel kernel = kernels.Load(new("ptx_check.cu", "copy_async", [$"THREADS={Threads}"], Threads));
        const int Rows = Blocks * Groups * Threads;
        int[] x = new int[Rows * PackFloats], y = new int[x.Length];
        new Random(1).NextBytes(MemoryMarshal.AsBytes(x.AsSpan()));
        using Tensor source = memory.Rent(Rows, Rows, PackFloats, ElementType.Float32), copied = memory.Rent(Rows, Rows, PackFloats, ElementType.Float32);
        stream.CopyToDevice(MemoryMarshal.AsBytes(x.AsSpan()), source);

        kernel.Launch(stream, new Grid(Blocks), source, copied);
        stream.CopyToHost(copied, MemoryMarshal.AsBytes(y.AsSpan()));

        int wrong = 0;
        for (int row = 0; row < Rows; row++)
        {
            int group = row / Threads % Groups, thread = row % Threads;
            int from = group == Groups - 1 ? row - thread + (Threads - 1 - thread) : row;
            if (!x.AsSpan(from * PackFloats, PackFloats).SequenceEqual(y.AsSpan(row * PackFloats, PackFloats))) wrong++;
        }
        Console.WriteLine($"copy_async_16, copy_async_commit, copy_async_wait: {(wrong == 0 ? "ok" : "FAILED")}, {wrong:N0} of {Rows:N0} copies of 16 bytes are wrong");
        return wrong == 0;
    }

    /// <summary>The checks' own kernels lie in this program, the header in the library.</summary>
    private static string? Read(string name)
    {
        Assembly assembly = name == "ptx_check.cu" ? typeof(PtxStage).Assembly : typeof(SpeechEncoder).Assembly;
        using Stream? resource = assembly.GetManifestResourceStream(name == "ptx_check.cu" ? name : $"kernels/{name}");
        if (resource is null) return null;
        using StreamReader reader = new(resource);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"__device__ __forceinline__ [\w ]+?\b(\w+)\(")]
    private static partial Regex Declaration();
}
