using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>A oneDNN reorder: the same matrix in another layout and type. Each worker brings its own scratchpad and memory objects.</summary>
internal sealed unsafe class Reorder : IDisposable
{
    private readonly DnnlEngineHandle _engine;
    private readonly DnnlPrimitiveHandle _primitive;
    private readonly DnnlMemoryDescriptor _source;
    private readonly DnnlMemoryDescriptor _destination;
    private readonly DnnlMemoryDescriptor _scratchpad;
    private readonly nint _scratchpadBytes;
    private readonly MemoryObjects?[] _memory;

    public Reorder(DnnlEngineHandle engine, in DnnlMemoryDescriptor source, in DnnlMemoryDescriptor destination, int workers)
    {
        (_engine, _source, _destination) = (engine, source, destination);
        _memory = new MemoryObjects?[workers];
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_attr_create(out DnnlAttributesHandle attributes));
        using (attributes)
        {
            Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_attr_set_scratchpad_mode(attributes, DnnlScratchpadMode.User));
            Dnnl.ThrowIfFailed(Dnnl.dnnl_reorder_primitive_desc_create(out DnnlPrimitiveDescriptorHandle descriptor, source, engine, destination, engine, attributes));
            using (descriptor)
            {
                _scratchpad = *Dnnl.dnnl_primitive_desc_query_md(descriptor, DnnlQuery.Scratchpad, 0);
                Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_create(out _primitive, descriptor));
            }
        }
        _scratchpadBytes = (nint)Dnnl.dnnl_memory_desc_get_size(_scratchpad);
    }

    public void Run(Worker worker, nint source, nint destination)
    {
        MemoryObjects memory = _memory[worker.Index] ??= new MemoryObjects(_engine, _source, _destination, _scratchpad);
        memory.Point(0, source);
        memory.Point(1, destination);
        memory.Point(2, worker.Scratchpad(_scratchpadBytes));
        DnnlArgument* arguments = stackalloc DnnlArgument[3]
        {
            new(DnnlArgumentIndex.Source, memory[0]),
            new(DnnlArgumentIndex.Destination, memory[1]),
            new(DnnlArgumentIndex.Scratchpad, memory[2]),
        };
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_execute(_primitive.DangerousGetHandle(), worker.Stream, 3, arguments));
    }

    public void Dispose()
    {
        foreach (MemoryObjects? memory in _memory) memory?.Dispose();
        _primitive.Dispose();
    }
}
