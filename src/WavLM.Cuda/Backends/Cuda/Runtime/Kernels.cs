namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>The kernels of a device: compiled on the compiler's threads, loaded on the device's.</summary>
internal sealed class Kernels(CudaDevice device, KernelCompiler compiler) : IDisposable
{
    private readonly List<Kernel> _loaded = [];

    /// <summary>Begins compiling an entry point of a source.</summary>
    public CompilingKernel Compile(string file, string entry, string[] defines)
        => new(defines.Length == 0 ? entry : $"{entry} <{string.Join(' ', defines)}>", entry, compiler.Compile(file, defines));

    /// <summary>Waits for the image and loads it.</summary>
    public Kernel Load(CompilingKernel compiling)
    {
        Kernel kernel = new(device, compiling.Name, compiling.Entry, compiling.Image.GetAwaiter().GetResult());
        _loaded.Add(kernel);
        return kernel;
    }

    /// <summary>Unloads them. The compiler is its owner's.</summary>
    public void Dispose()
    {
        foreach (Kernel kernel in _loaded) kernel.Dispose();
    }
}

/// <summary>A kernel on its way.</summary>
/// <param name="Name">Entry point and defines, for errors.</param>
/// <param name="Entry">The entry point.</param>
/// <param name="Image">What the driver loads.</param>
internal sealed record CompilingKernel(string Name, string Entry, Task<byte[]> Image);
