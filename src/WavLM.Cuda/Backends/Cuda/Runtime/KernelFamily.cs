namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>The variants of one entry point, by what they are compiled for. A lookup allocates nothing.</summary>
/// <typeparam name="TKey">A value that a variant follows from: sizes and types, never a number of rows.</typeparam>
/// <param name="kernels">Where variants are compiled and loaded.</param>
/// <param name="file">The source, below kernels/.</param>
/// <param name="entry">The entry point.</param>
/// <param name="defines">A variant's defines, as NAME or NAME=VALUE.</param>
internal sealed class KernelFamily<TKey>(Kernels kernels, string file, string entry, Func<TKey, string[]> defines)
    where TKey : struct, IEquatable<TKey>
{
    private readonly Dictionary<TKey, Kernel> _loaded = [];
    private readonly Dictionary<TKey, CompilingKernel> _compiling = [];

    /// <summary>A variant; waits for it where it is still being compiled, and begins where it is not.</summary>
    /// <exception cref="KernelCompilationException">The compiler refused it; the message holds its log.</exception>
    public Kernel this[TKey key] => _loaded.TryGetValue(key, out Kernel? kernel) ? kernel : Load(key);

    /// <summary>Begins compiling a variant that will be wanted.</summary>
    public void Prepare(TKey key)
    {
        if (!_loaded.ContainsKey(key) && !_compiling.ContainsKey(key)) _compiling.Add(key, kernels.Compile(file, entry, defines(key)));
    }

    private Kernel Load(TKey key)
    {
        Prepare(key);
        // Taken out first: a compilation that failed is tried again at the next use.
        _compiling.Remove(key, out CompilingKernel? compiling);
        Kernel kernel = kernels.Load(compiling!);
        _loaded.Add(key, kernel);
        return kernel;
    }
}
