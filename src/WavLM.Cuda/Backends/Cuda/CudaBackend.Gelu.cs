using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int GeluThreads = 256;

    private readonly KernelFamily<int> _gelus;

    /// <summary>y = GELU(x + bias), with erf; y may be x.</summary>
    private void Gelu(Tensor x, Tensor? bias, Tensor y)
    {
        // A thread takes a pack of neighbours that never straddles two rows (packed.cuh).
        int width = x.Columns % 4 == 0 ? 4 : x.Columns % 2 == 0 ? 2 : 1;
        _gelus[x.Columns].Launch(_stream, Grid.Over(RowsOf(x) * x.Columns / width, GeluThreads), GeluThreads, 0, x, bias, y, RowsOf(x));
    }

    private static KernelFamily<int> GeluKernels(Kernels kernels) => new(kernels, "gelu.cu", "gelu",
        static columns => [$"C={columns}", $"THREADS={GeluThreads}", "In=float", "Out=float"]);
}
