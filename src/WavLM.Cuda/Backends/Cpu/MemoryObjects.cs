using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>One worker's oneDNN memory objects for one primitive, pointed elsewhere before each execution.</summary>
internal sealed class MemoryObjects : IDisposable
{
    private readonly DnnlMemoryHandle[] _objects;

    public MemoryObjects(DnnlEngineHandle engine, params ReadOnlySpan<DnnlMemoryDescriptor> descriptors)
    {
        _objects = new DnnlMemoryHandle[descriptors.Length];
        for (int i = 0; i < descriptors.Length; i++)
            Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_create(out _objects[i], descriptors[i], engine, 0));
    }

    /// <summary>The native object, for an execution argument.</summary>
    public nint this[int index] => _objects[index].DangerousGetHandle();

    public void Point(int index, nint address) => Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_set_data_handle(this[index], address));

    public void Dispose()
    {
        foreach (DnnlMemoryHandle memory in _objects) memory?.Dispose();
    }
}
