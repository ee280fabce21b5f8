using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    private const int FirstConvWarps = 4;

    private readonly KernelFamily<FirstConvVariant> _firstConvs;

    /// <inheritdoc cref="IBackend.FirstConv" />
    public void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y)
    {
        RequireShape(y, y.Rows, conv.Channels, nameof(y));
        RequireShape(taps, (conv.GroupNorm is null ? 1 : batch.Count) * (conv.Kernel + 1L), conv.Channels, nameof(taps));
        var places = (DeviceBatch)batch.Places!;
        var variant = new FirstConvVariant(conv.Kernel, conv.Stride, conv.Channels, batch.SamplesPerFrame / conv.Stride, conv.GroupNorm is not null, conv.LayerNorm is not null);
        // Warps take groups of the packed level's rows, so the first one may begin before y does.
        Grid grid = Grid.Over(firstRow % variant.RowsOfWarp + y.Rows, variant.RowsOfWarp * FirstConvWarps);
        _firstConvs[variant].Launch(
            _stream, grid, 32 * FirstConvWarps, 0,
            places.Utterances, batch.Count, taps, conv.LayerNorm?.Gain, conv.LayerNorm?.Bias, y, firstRow, y.Rows, conv.LayerNorm?.Epsilon ?? 0);
    }

    private static KernelFamily<FirstConvVariant> FirstConvKernels(Kernels kernels) => new(kernels, "first_conv.cu", "first_conv", static variant =>
    [
        $"K={variant.Kernel}", $"S={variant.Stride}", $"C={variant.Channels}", $"ROWS_OF_SLOT={variant.RowsOfSlot}", $"ROWS={variant.RowsOfWarp}", $"WARPS={FirstConvWarps}", "Out=float",
        .. variant.GroupNorm ? (ReadOnlySpan<string>)["GROUP_NORM"] : [],
        .. variant.LayerNorm ? (ReadOnlySpan<string>)["LAYER_NORM"] : [],
    ]);

    /// <param name="Kernel">Taps.</param>
    /// <param name="Stride">Samples between two rows.</param>
    /// <param name="Channels">Columns of a row.</param>
    /// <param name="RowsOfSlot">Rows of one slot.</param>
    /// <param name="GroupNorm">Whether each utterance has its own taps.</param>
    /// <param name="LayerNorm">Whether a norm over the channels follows.</param>
    private readonly record struct FirstConvVariant(int Kernel, int Stride, int Channels, int RowsOfSlot, bool GroupNorm, bool LayerNorm)
    {
        // A lane keeps the samples of its warp's windows and its share of their results: 64 registers each.
        private const int MostSamples = 64, MostResults = 64 * 32;

        /// <summary>Neighbouring rows of a warp, each of whose taps then serves them all; of one slot, so of one utterance.</summary>
        public int RowsOfWarp => Fits(4) ? 4 : Fits(2) ? 2 : 1;

        private bool Fits(int rows) => RowsOfSlot % rows == 0 && rows * Channels <= MostResults && (rows - 1) * Stride + Kernel <= MostSamples;
    }
}
