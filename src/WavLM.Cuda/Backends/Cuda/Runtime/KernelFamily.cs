namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>The variants of one entry point, by what they are compiled for. A lookup allocates nothing.</summary>
/// <typeparam name="TKey">A value that a variant follows from: sizes and types, never a number of rows.</typeparam>
/// <param name="kernels">Where variants are compiled and loaded.</param>
/// <param name="describe">The variant of a key.</param>
internal sealed class KernelFamily<TKey>(Kernels kernels, Func<TKey, KernelVariant> describe)
    where TKey : struct, IEquatable<TKey>
{
    private readonly Dictionary<TKey, Kernel> _loaded = [];

    /// <summary>A variant; waits for it where it is still being compiled, and begins where it is not.</summary>
    /// <exception cref="KernelCompilationException">The compiler refused it; the message holds its log.</exception>
    public Kernel this[TKey key] => _loaded.TryGetValue(key, out Kernel? kernel) ? kernel : Load(key);

    private Kernel Load(TKey key)
    {
        Kernel kernel = kernels.Load(describe(key));
        _loaded.Add(key, kernel);
        return kernel;
    }
}
