namespace WavLM.Cuda.Backends.Cpu;

/// <summary>Copies within the host: each is done when it was added.</summary>
internal sealed unsafe class HostCopies : IHostCopies
{
    public void Add<T>(Tensor x, ReadOnlySpan<T[]> destinations)
        where T : unmanaged
    {
        if (sizeof(T) != x.Type.Bytes()) throw new ArgumentException($"elements of {sizeof(T)} bytes for a tensor of {x.Type}", nameof(destinations));
        T* next = (T*)x.Address;
        foreach (T[] destination in destinations)
        {
            new ReadOnlySpan<T>(next, destination.Length).CopyTo(destination);
            next += destination.Length;
        }
    }

    public void Finish()
    {
    }

    public void Dispose()
    {
    }
}
