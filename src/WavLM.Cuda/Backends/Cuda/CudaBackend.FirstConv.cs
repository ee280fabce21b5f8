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
        RequireShape(y, y.Rows, conv.Channels, nameof(y), y.Type);
        RequireShape(taps, (conv.GroupNorm is null ? 1 : batch.Count) * (conv.Kernel + 1L), conv.Channels, nameof(taps));
        var places = (DeviceBatch)batch.Places!;
        var variant = new FirstConvVariant(conv.Kernel, conv.Stride, conv.Channels, batch.SamplesPerFrame / conv.Stride, conv.GroupNorm is not null, conv.LayerNorm is not null, y.Type);
        // Warps take groups of the packed level's rows, so the first one may begin before y does.
        Grid grid = Grid.Over(firstRow % variant.RowsOfWarp + y.Rows, variant.RowsOfWarp * FirstConvWarps);
        _firstConvs[variant].Launch(
            _stream, grid,
            places.Utterances, batch.Count, taps, conv.LayerNorm?.Gain, conv.LayerNorm?.Bias, y, firstRow, y.Rows, conv.LayerNorm?.Epsilon ?? 0);
    }

    /// <param name="Kernel">Taps.</param>
    /// <param name="Stride">Samples between two rows.</param>
    /// <param name="Channels">Columns of a row.</param>
    /// <param name="RowsOfSlot">Rows of one slot.</param>
    /// <param name="GroupNorm">Whether each utterance has its own taps.</param>
    /// <param name="LayerNorm">Whether a norm over the channels follows.</param>
    /// <param name="Out">Type of a row.</param>
    internal readonly record struct FirstConvVariant(int Kernel, int Stride, int Channels, int RowsOfSlot, bool GroupNorm, bool LayerNorm, ElementType Out)
    {
        // A lane keeps the samples of its warp's windows and its share of their results: 64 registers each.
        private const int MostSamples = 64, MostResults = 64 * 32;

        /// <summary>Neighbouring rows of a warp, each of whose taps then serves them all; of one slot, so of one utterance.</summary>
        public int RowsOfWarp => Fits(4) ? 4 : Fits(2) ? 2 : 1;

        public KernelVariant Describe() => new("first_conv.cu", "first_conv",
        [
            $"K={Kernel}", $"S={Stride}", $"C={Channels}", $"WIDTH={PackedWidth.Of(Channels, Out)}", $"ROWS_OF_SLOT={RowsOfSlot}", $"ROWS={RowsOfWarp}", $"WARPS={FirstConvWarps}", $"Out={Out.KernelName()}",
            .. GroupNorm ? (ReadOnlySpan<string>)["GROUP_NORM"] : [],
            .. LayerNorm ? (ReadOnlySpan<string>)["LAYER_NORM"] : [],
        ], 32 * FirstConvWarps);

        private bool Fits(int rows) => RowsOfSlot % rows == 0 && rows * Channels <= MostResults && (rows - 1) * Stride + Kernel <= MostSamples;
    }
}
