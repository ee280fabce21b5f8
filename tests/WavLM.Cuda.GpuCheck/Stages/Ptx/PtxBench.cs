using System.Reflection;
using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>The kernels of ptx_check.cu, arrays to and from their memory, and the lines of the report.</summary>
internal sealed class PtxBench : IDisposable
{
    public const int Threads = 128, Lanes = 32;

    private const string Source = "ptx_check.cu";

    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly DeviceMemoryPool _memory;
    private readonly KernelCompiler _compiler;
    private readonly Kernels _kernels;

    public PtxBench()
    {
        _device = CudaDevice.Open(0);
        _stream = new CudaStream(_device);
        _memory = new DeviceMemoryPool(_device, _stream);
        _compiler = new KernelCompiler(new KernelSources(Read), KernelCache.None, _device.Architecture, threads: 1);
        _kernels = new Kernels(_device, _compiler);
    }

    /// <summary>Whether everything that was reported is as expected.</summary>
    public bool Sound { get; private set; } = true;

    /// <summary>A file below kernels/ out of the library, or the checks' own kernels out of this program.</summary>
    public static string? Read(string name)
    {
        (Assembly assembly, string resource) = name == Source ? (typeof(PtxBench).Assembly, name) : (typeof(SpeechEncoder).Assembly, $"kernels/{name}");
        using Stream? stream = assembly.GetManifestResourceStream(resource);
        if (stream is null) return null;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    public Tensor Place<T>(T[] values)
        where T : unmanaged
    {
        Tensor tensor = Rent<T>(values.Length);
        _stream.CopyToDevice(MemoryMarshal.AsBytes(values.AsSpan()), tensor);
        return tensor;
    }

    public Tensor Rent<T>(int count)
        where T : unmanaged
    {
        int floats = (count * Marshal.SizeOf<T>() + sizeof(float) - 1) / sizeof(float);
        return _memory.Rent(floats, floats, 1, ElementType.Float32);
    }

    public T[] Read<T>(Tensor tensor, int count)
        where T : unmanaged
    {
        var values = new T[count];
        _stream.CopyToHost(tensor, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Runs a kernel with as many threads as there are values.</summary>
    public void Launch(string entry, int threads, params ReadOnlySpan<KernelArgument> arguments)
        => _kernels.Load(new(Source, entry, [$"THREADS={Threads}"], Threads)).Launch(_stream, Grid.Over(threads, Threads), arguments);

    /// <summary>A line of the report.</summary>
    /// <param name="functions">Of ptx.cuh.</param>
    /// <param name="tried">On what.</param>
    /// <param name="count">Values compared.</param>
    /// <param name="wrong">A value's description, or null where it is as expected.</param>
    public void Compare(string functions, string tried, int count, Func<int, string?> wrong)
    {
        int failures = 0;
        string first = "";
        for (int i = 0; i < count; i++)
        {
            if (wrong(i) is not { } found) continue;
            if (failures++ == 0) first = $"; the first: {found}";
        }
        Sound &= failures == 0;
        Console.WriteLine(FormattableString.Invariant($"{functions}: {(failures == 0 ? "ok" : "FAILED")}, {failures:N0} of {count:N0} wrong, {tried}{first}"));
    }

    public void Dispose()
    {
        _memory.Dispose();
        _kernels.Dispose();
        _compiler.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }
}
