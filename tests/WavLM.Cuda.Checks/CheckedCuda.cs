using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Checks;

/// <summary>The first CUDA device: a real one, or the emulated one where WAVLM_CUDA_PATH names it.</summary>
/// <param name="sources">Other kernels than the product's, for tests of the checks themselves; they are never kept in the user's cache.</param>
internal sealed unsafe class CheckedCuda(KernelSources? sources = null) : CheckedDevice("cuda")
{
    // All bits set are a NaN in every type.
    private const uint NotANumber = 0xFFFF_FFFF;

    // The emulated device's fresh memory is poison already, and known to be unwritten: writing poison would hide that.
    private readonly bool _poisoned = CudaLibraries.Locate().Any(location => location.Emulated);

    internal override IBackend Create(Precision precision)
    {
        try
        {
            Device.Cuda().RequireUsable();
            CudaBackend backend = sources is null ? CudaBackend.Open(ordinal: 0, precision, static _ => { }) : new CudaBackend(ordinal: 0, KernelCache.None, precision.OperandType(), sources: sources);
            backend.RecordedFrames = 0;   // tensors of records are never poison
            return backend;
        }
        catch (Exception e) when (e is PlatformNotSupportedException or NativeLibraryException)
        {
            throw new CheckSkippedException(e.Message);
        }
    }

    internal override nint BytesInUse(IBackend backend) => (nint)((CudaBackend)backend).Memory.BytesInUse;

    internal override void Poison(IBackend backend, Tensor tensor)
    {
        if (!_poisoned) StreamOf(backend).Fill(tensor, NotANumber);
    }

    internal override void Write(IBackend backend, ReadOnlySpan<byte> from, Tensor tensor) => StreamOf(backend).CopyToDevice(from, tensor);

    internal override void Read(IBackend backend, Tensor tensor, Span<byte> to) => StreamOf(backend).CopyToHost(tensor, to);

    private static CudaStream StreamOf(IBackend backend) => ((CudaBackend)backend).Stream;
}
