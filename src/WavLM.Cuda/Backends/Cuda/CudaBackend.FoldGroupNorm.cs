using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    // The 65 products of ten taps are a thread each.
    private const int FoldThreads = 96;

    private readonly KernelFamily<FoldVariant> _windowMoments;
    private readonly KernelFamily<FoldVariant> _groupNormFolds;

    /// <inheritdoc cref="IBackend.FoldGroupNorm" />
    public Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv)
    {
        NormWeights norm = conv.GroupNorm ?? throw new ArgumentException("the convolution has no group norm", nameof(conv));
        var places = (DeviceBatch)batch.Places!;
        var variant = new FoldVariant(conv.Kernel, conv.Stride, conv.Channels);
        long pairs = (conv.Kernel + 1L) * (conv.Kernel + 2) / 2 - 1, windows = (LongestSamples(batch) - conv.Kernel) / conv.Stride + 1;
        int chunks = (int)((windows + variant.Windows - 1) / variant.Windows);
        using Tensor partial = RentDoubles(batch.Count * pairs * chunks), sums = RentDoubles(batch.Count * pairs);
        _windowMoments[variant].Launch(_stream, new Grid((long)batch.Count * chunks), places.Utterances, partial, chunks);
        AddChunks(partial, sums, chunks);

        long taps = batch.Count * (conv.Kernel + 1L);
        Tensor folded = _memory.Rent(taps, taps, conv.Channels, ElementType.Float32);
        try
        {
            _groupNormFolds[variant].Launch(
                _stream, Grid.Over((long)batch.Count * conv.Channels, FoldThreads),
                places.Utterances, batch.Count, sums, conv.Taps, norm.Gain, norm.Bias, folded, norm.Epsilon);
            return folded;
        }
        catch
        {
            folded.Dispose();
            throw;
        }
    }

    internal readonly record struct FoldVariant(int Kernel, int Stride, int Channels)
    {
        /// <summary>Windows of a chunk: their samples lie in static shared memory as float64, 40 KB of the 48 that need no asking.</summary>
        public int Windows => Math.Min(512, (5 * 1024 - 1 - Kernel) / Stride + 1);

        public KernelVariant DescribeMoments() => Describe("window_moments");

        public KernelVariant DescribeFold() => Describe("group_norm_fold");

        private KernelVariant Describe(string entry)
            => new("group_norm_fold.cu", entry, [$"K={Kernel}", $"S={Stride}", $"C={Channels}", $"WINDOWS={Windows}", $"THREADS={FoldThreads}"], FoldThreads);
    }
}
