using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;

namespace WavLM.Cuda.Checks;

/// <summary>The CPU backend, with two workers so that tiles are shared out.</summary>
internal sealed unsafe class CheckedCpu() : CheckedDevice("cpu")
{
    // All bits set are a NaN in every type.
    private const byte NotANumber = 0xFF;

    internal override IBackend Create(Precision precision)
    {
        try
        {
            return new CpuBackend(precision, threads: 2);
        }
        catch (PlatformNotSupportedException e)
        {
            throw new CheckSkippedException(e.Message);
        }
    }

    internal override nint BytesInUse(IBackend backend) => ((CpuBackend)backend).Memory.BytesInUse;

    internal override void Poison(IBackend backend, Tensor tensor) => new Span<byte>((void*)tensor.Address, checked((int)tensor.Bytes)).Fill(NotANumber);

    internal override void Write(IBackend backend, ReadOnlySpan<byte> from, Tensor tensor) => from.CopyTo(new Span<byte>((void*)tensor.Address, checked((int)tensor.Bytes)));

    internal override void Read(IBackend backend, Tensor tensor, Span<byte> to) => new ReadOnlySpan<byte>((void*)tensor.Address, to.Length).CopyTo(to);
}
