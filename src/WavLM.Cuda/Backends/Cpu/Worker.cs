using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>One thread's own things: its oneDNN stream, the scratchpad of its primitives, and scratch for our own loops.</summary>
internal sealed unsafe class Worker(int index, DnnlEngineHandle engine) : IDisposable
{
    private readonly DnnlStreamHandle _stream = CreateStream(engine);
    private Block _scratchpad;
    private Block _scratch;

    /// <summary>0 for the encoder's own thread, 1.. for the others.</summary>
    public int Index { get; } = index;

    public nint Stream => _stream.DangerousGetHandle();

    /// <summary>Memory for the primitive that this worker executes next. Grows, never shrinks.</summary>
    public nint Scratchpad(nint bytes) => _scratchpad.AtLeast(bytes);

    /// <summary>64-byte aligned memory that lasts until the worker's next request. Grows, never shrinks.</summary>
    public byte* Scratch(nint bytes) => (byte*)_scratch.AtLeast(bytes);

    public void Dispose()
    {
        _stream.Dispose();
        _scratchpad.Free();
        _scratch.Free();
    }

    private static DnnlStreamHandle CreateStream(DnnlEngineHandle engine)
    {
        const uint InOrder = 1;
        Dnnl.ThrowIfFailed(Dnnl.dnnl_stream_create(out DnnlStreamHandle stream, engine, InOrder));
        return stream;
    }

    private struct Block
    {
        private nint _address;
        private nint _bytes;

        public nint AtLeast(nint bytes)
        {
            if (bytes <= _bytes) return _address;
            Free();
            _address = HostMemory.Allocate(bytes);
            _bytes = bytes;
            return _address;
        }

        public void Free()
        {
            HostMemory.Free(_address);
            (_address, _bytes) = (0, 0);
        }
    }
}
