using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private readonly KernelFamily<LayerNormVariant> _layerNorms;

    /// <inheritdoc cref="IBackend.LayerNorm" />
    public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
    {
        RequireShape(x, x.Rows, norm.Gain.Columns, nameof(x));
        RequireShape(y, x.Rows, x.Columns, nameof(y));
        if (operands is not null) RequireShape(operands, x.Rows, x.Columns, nameof(operands));
        if (gate is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), x.Rows, gate.Heads, nameof(gates));
        // Float32 operands are y itself: nothing is written twice.
        Tensor? second = ReferenceEquals(operands, y) ? null : operands;
        LayerNorm(x, bias: null, norm, y, gelu: false, second, gate, gates);
    }

    private void LayerNorm(Tensor x, Tensor? bias, NormWeights norm, Tensor y, bool gelu, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
    {
        var variant = new LayerNormVariant(x.Columns, gate?.Heads ?? 0, gelu);
        _layerNorms[variant].Launch(
            _stream, Grid.Over(RowsOf(x), variant.Warps), 32 * variant.Warps, 0,
            x, bias, norm.Gain, norm.Bias, y, operands, gate?.Rows, gate?.Biases, gate?.Constants, gates, RowsOf(x), norm.Epsilon);
    }

    private static KernelFamily<LayerNormVariant> LayerNormKernels(Kernels kernels) => new(kernels, "layer_norm.cu", "layer_norm", static variant =>
    [
        $"C={variant.Columns}", $"WARPS={variant.Warps}", "In=float", "Out=float", "Operands=float",
        .. variant.Heads == 0 ? (ReadOnlySpan<string>)[] : [$"HEADS={variant.Heads}"],
        .. variant.Gelu ? (ReadOnlySpan<string>)["GELU"] : [],
    ]);

    /// <summary>What a layer norm is compiled for; no heads where no gates are wanted.</summary>
    private readonly record struct LayerNormVariant(int Columns, int Heads, bool Gelu)
    {
        private const int MostWarps = 4;
        private const int PaddingOfHead = 8;   // HEAD_STRIDE of the kernel
        private const int StaticSharedBytes = 48 * 1024;

        /// <summary>Rows a block: as many as have room for the gates' rows, four up to a width of 2,700 in heads of 64.</summary>
        public int Warps => Heads == 0 ? MostWarps : Math.Clamp(StaticSharedBytes / (sizeof(float) * (Columns + Heads * PaddingOfHead)), 1, MostWarps);
    }
}
