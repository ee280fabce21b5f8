using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int GeluThreads = 256;

    private readonly KernelFamily<GeluVariant> _gelus;

    /// <summary>y = GELU(x + bias), with erf; y may be x.</summary>
    internal void Gelu(Tensor x, Tensor? bias, Tensor y)
    {
        var variant = new GeluVariant(x.Columns, x.Type, y.Type);
        _gelus[variant].Launch(_stream, Grid.Over(RowsOf(x) * x.Columns / variant.Width, GeluThreads), x, bias, y, RowsOf(x));
    }

    /// <summary>What a GELU is compiled for.</summary>
    internal readonly record struct GeluVariant(int Columns, ElementType In, ElementType Out)
    {
        /// <summary>Values of a thread, neighbours that never straddle two rows.</summary>
        public int Width => PackedWidth.Of(Columns, In, Out);

        public KernelVariant Describe()
            => new("gelu.cu", "gelu", [$"C={Columns}", $"WIDTH={Width}", $"THREADS={GeluThreads}", $"In={In.KernelName()}", $"Out={Out.KernelName()}"], GeluThreads);
    }
}
