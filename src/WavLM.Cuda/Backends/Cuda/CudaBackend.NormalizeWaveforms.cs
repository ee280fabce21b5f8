using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    // Half a second: blocks enough for every multiprocessor from a few utterances on, and an hour has 7,032 of them.
    private const int WaveformChunk = 8192;
    private const int WaveformThreads = 256;
    private const int ChunkSumWarps = 4;

    private readonly KernelFamily<WaveformVariant> _waveformStatistics;
    private readonly KernelFamily<WaveformVariant> _normalizeWaveforms;
    private readonly KernelFamily<NoVariant> _chunkSums;

    /// <inheritdoc cref="IBackend.NormalizeWaveforms" />
    public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization)
    {
        nuint utterances = Places(batch).Utterances;
        int chunks = (int)((LongestSamples(batch) + WaveformChunk - 1) / WaveformChunk);
        var grid = new Grid((long)batch.Count * chunks);
        using Tensor partial = RentDoubles((long)batch.Count * chunks), sums = RentDoubles(batch.Count);
        _waveformStatistics[new(Squares: false)].Launch(_stream, grid, WaveformThreads, 0, utterances, default(Tensor), partial, chunks);
        AddChunks(partial, sums, chunks);

        using Tensor? squares = normalization.Normalize ? RentDoubles(batch.Count) : null;
        if (squares is not null)
        {
            _waveformStatistics[new(Squares: true)].Launch(_stream, grid, WaveformThreads, 0, utterances, sums, partial, chunks);
            AddChunks(partial, squares, chunks);
        }
        _normalizeWaveforms[new(Squares: squares is not null)].Launch(_stream, grid, WaveformThreads, 0, utterances, sums, squares, chunks, normalization.Epsilon);
    }

    private static KernelFamily<WaveformVariant> WaveformStatisticsKernels(Kernels kernels) => new(kernels, "waveform_statistics.cu", "waveform_statistics",
        static variant => [$"CHUNK={WaveformChunk}", $"THREADS={WaveformThreads}", .. variant.Squares ? (ReadOnlySpan<string>)["SQUARES"] : []]);

    private static KernelFamily<WaveformVariant> NormalizeWaveformKernels(Kernels kernels) => new(kernels, "normalize_waveform.cu", "normalize_waveform",
        static variant => [$"CHUNK={WaveformChunk}", $"THREADS={WaveformThreads}", .. variant.Squares ? (ReadOnlySpan<string>)["SCALE"] : []]);

    private static KernelFamily<NoVariant> ChunkSumKernels(Kernels kernels) => new(kernels, "chunk_sums.cu", "chunk_sums", static _ => [$"WARPS={ChunkSumWarps}"]);

    private static long LongestSamples(PackedBatch batch)
    {
        long longest = 0;
        foreach (PackedUtterance utterance in batch.Utterances) longest = Math.Max(longest, utterance.Samples.Rows);
        return longest;
    }

    /// <summary>sums[i] = the chunks of row i of partial, which has <paramref name="chunks"/> a row.</summary>
    private void AddChunks(Tensor partial, Tensor sums, int chunks)
        => _chunkSums[default].Launch(_stream, Grid.Over(sums.Rows, ChunkSumWarps), 32 * ChunkSumWarps, 0, partial, sums, sums.Rows, chunks);

    /// <summary>Room for so many float64 values: statistics alone are of that type, so tensors do not know it.</summary>
    private Tensor RentDoubles(long count) => _memory.Rent(count, count, sizeof(double) / sizeof(float), ElementType.Float32);

    /// <summary>Whether squares are summed, and the variance divided by.</summary>
    private readonly record struct WaveformVariant(bool Squares);

    /// <summary>A kernel that knows no sizes.</summary>
    private readonly record struct NoVariant;
}
