using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

internal sealed partial class CudaBackend
{
    // Half a second: blocks enough for every multiprocessor from a few utterances on, and an hour has 7,032 of them.
    private const int WaveformChunk = 8192;
    private const int WaveformThreads = 256;
    internal const int ChunkSumWarps = 4;

    private readonly KernelFamily<bool> _waveformStatistics;
    private readonly KernelFamily<bool> _normalizeWaveforms;
    private readonly KernelFamily<int> _chunkSums;

    /// <inheritdoc cref="IBackend.NormalizeWaveforms" />
    public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization)
    {
        var places = (DeviceBatch)batch.Places!;
        int chunks = (int)((LongestSamples(batch) + WaveformChunk - 1) / WaveformChunk);
        var grid = new Grid((long)batch.Count * chunks);
        using Tensor partial = RentDoubles((long)batch.Count * chunks), sums = RentDoubles(batch.Count);
        using Tensor? squares = normalization.Normalize ? RentDoubles(batch.Count) : null;
        _waveformStatistics[false].Launch(_stream, grid, places.Utterances, default(Tensor), partial, chunks);
        AddChunks(partial, sums, chunks);
        if (squares is not null)
        {
            _waveformStatistics[true].Launch(_stream, grid, places.Utterances, sums, partial, chunks);
            AddChunks(partial, squares, chunks);
        }
        _normalizeWaveforms[squares is not null].Launch(_stream, grid, places.Utterances, sums, squares, chunks, normalization.Epsilon);
    }

    internal static KernelVariant WaveformStatisticsKernel(bool squares) => new("waveform_statistics.cu", "waveform_statistics",
        [$"CHUNK={WaveformChunk}", $"THREADS={WaveformThreads}", .. squares ? (ReadOnlySpan<string>)["SQUARES"] : []], WaveformThreads);

    internal static KernelVariant NormalizeWaveformKernel(bool scale) => new("normalize_waveform.cu", "normalize_waveform",
        [$"CHUNK={WaveformChunk}", $"THREADS={WaveformThreads}", .. scale ? (ReadOnlySpan<string>)["SCALE"] : []], WaveformThreads);

    internal static KernelVariant ChunkSumsKernel(int warps) => new("chunk_sums.cu", "chunk_sums", [$"WARPS={warps}"], 32 * warps);

    private static long LongestSamples(PackedBatch batch)
    {
        long longest = 0;
        foreach (PackedUtterance utterance in batch.Utterances) longest = Math.Max(longest, utterance.Samples.Rows);
        return longest;
    }

    /// <summary>sums[i] = the chunks of row i of partial, which has <paramref name="chunks"/> a row.</summary>
    private void AddChunks(Tensor partial, Tensor sums, int chunks)
        => _chunkSums[ChunkSumWarps].Launch(_stream, Grid.Over(sums.Rows, ChunkSumWarps), partial, sums, sums.Rows, chunks);

    /// <summary>Room for so many float64 values: statistics alone are of that type, so tensors do not know it.</summary>
    private Tensor RentDoubles(long count) => _memory.Rent(count, count, sizeof(double) / sizeof(float), ElementType.Float32);
}
