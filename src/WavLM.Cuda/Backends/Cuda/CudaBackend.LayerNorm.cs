using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private readonly KernelFamily<LayerNormVariant> _layerNorms;

    /// <inheritdoc cref="IBackend.LayerNorm" />
    public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
    {
        RequireShape(x, x.Rows, norm.Gain.Columns, nameof(x));
        RequireShape(y, x.Rows, x.Columns, nameof(y), y.Type);
        if (operands is not null) RequireShape(operands, x.Rows, x.Columns, nameof(operands), OperandType);
        if (gate is not null) RequireShape(gates ?? throw new ArgumentNullException(nameof(gates)), x.Rows, gate.Heads, nameof(gates));
        // Where the operands are y itself nothing is written twice.
        Tensor? second = ReferenceEquals(operands, y) ? null : operands;
        LayerNorm(x, bias: null, norm, y, gelu: false, second, gate, gates);
    }

    /// <summary>The same of x + bias, and a GELU behind it where asked for: what follows a strided convolution.</summary>
    internal void LayerNorm(Tensor x, Tensor? bias, NormWeights norm, Tensor y, bool gelu, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
    {
        var variant = new LayerNormVariant(x.Columns, gate?.Heads ?? 0, gelu, x.Type, y.Type, operands?.Type);
        _layerNorms[variant].Launch(
            _stream, Grid.Over(RowsOf(x), variant.Warps),
            x, bias, norm.Gain, norm.Bias, y, operands, gate?.Rows, gate?.Biases, gate?.Constants, gates, RowsOf(x), norm.Epsilon);
    }

    /// <summary>What a layer norm is compiled for; no heads where no gates are wanted, no operands where they are not written apart.</summary>
    internal readonly record struct LayerNormVariant(int Columns, int Heads, bool Gelu, ElementType In, ElementType Out, ElementType? Operands)
    {
        private const int MostWarps = 4;
        private const int PaddingOfHead = 8;   // HEAD_STRIDE of the kernel
        private const int StaticSharedBytes = 48 * 1024;

        /// <summary>Rows a block: as many as have room for the gates' rows, four up to a width of 2,700 in heads of 64.</summary>
        public int Warps => Heads == 0 ? MostWarps : Math.Clamp(StaticSharedBytes / (sizeof(float) * (Columns + Heads * PaddingOfHead)), 1, MostWarps);

        public KernelVariant Describe() => new("layer_norm.cu", "layer_norm",
        [
            $"C={Columns}", $"WIDTH={PackedWidth.Of(Columns, In, Out, Operands ?? Out)}", $"WARPS={Warps}",
            $"In={In.KernelName()}", $"Out={Out.KernelName()}", $"Operands={(Operands ?? Out).KernelName()}",
            .. Heads == 0 ? (ReadOnlySpan<string>)[] : [$"HEADS={Heads}"],
            .. Gelu ? (ReadOnlySpan<string>)["GELU"] : [],
        ], 32 * Warps);
    }
}
