namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>The kernels of a device: compiled on the compiler's threads, loaded on the device's.</summary>
internal sealed class Kernels(CudaDevice device, KernelCompiler compiler) : IDisposable
{
    private readonly Dictionary<string, Task<byte[]>> _compiling = [];   // by the variant's name
    private readonly List<Kernel> _loaded = [];

    /// <summary>Names of the variants that were asked for, as they came.</summary>
    public IEnumerable<string> Loaded => _loaded.Select(static kernel => kernel.Name);

    /// <summary>Begins compiling a variant that will be wanted.</summary>
    public void Prepare(KernelVariant variant)
    {
        if (!_compiling.ContainsKey(variant.Name)) _compiling.Add(variant.Name, compiler.Compile(variant.File, variant.Defines));
    }

    /// <summary>Waits for a variant's image, which it begins to compile where that was not done, and loads it.</summary>
    /// <exception cref="KernelCompilationException">The compiler refused it; the message holds its log.</exception>
    public Kernel Load(KernelVariant variant)
    {
        Prepare(variant);
        // Taken out first: a compilation that failed is tried again at the next use.
        _compiling.Remove(variant.Name, out Task<byte[]>? image);
        Kernel kernel = new(device, variant, image!.GetAwaiter().GetResult());
        _loaded.Add(kernel);
        return kernel;
    }

    /// <summary>Unloads them. The compiler is its owner's.</summary>
    public void Dispose()
    {
        foreach (Kernel kernel in _loaded) kernel.Dispose();
    }
}
