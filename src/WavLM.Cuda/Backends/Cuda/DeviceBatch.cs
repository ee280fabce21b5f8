using System.Runtime.InteropServices;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>
/// Where a batch's utterances lie, in device memory: the tables that kernels/common/packed_batch.cuh declares. Kernels take
/// rows and tiles from them, so a launch depends on a batch through its sizes alone.
/// </summary>
internal sealed class DeviceBatch : IDisposable
{
    private readonly Tensor _tables;
    private readonly CudaBackend _backend;

    private DeviceBatch(Tensor tables, int utterances, int tiles, CudaBackend backend)
    {
        (_tables, _backend, Count, TileCount) = (tables, backend, utterances, tiles);
    }

    public int Count { get; }

    /// <summary>Tiles of all utterances; each begins at a multiple of its frames within its utterance.</summary>
    public int TileCount { get; }

    /// <summary>Address of the tiles' table.</summary>
    public nuint Tiles => (nuint)_tables.Address;

    /// <summary>Address of the utterances' table.</summary>
    public unsafe nuint Utterances => Tiles + (nuint)(TileCount * sizeof(TileEntry));

    /// <summary>
    /// Frames of a tile, TILE_FRAMES in the kernels: a block of attention or positional convolution. On tensor cores twice as many
    /// share what a block reads of keys or weights.
    /// </summary>
    public static int TileFramesOf(ElementType operands) => operands == ElementType.Float32 ? 64 : 128;

    public static unsafe DeviceBatch Upload(PackedBatch batch, CudaBackend backend)
    {
        int tiles = 0, tileFrames = TileFramesOf(backend.OperandType);
        foreach (PackedUtterance utterance in batch.Utterances) tiles = checked(tiles + (int)((utterance.Frames + tileFrames - 1) / tileFrames));
        var bytes = new byte[tiles * sizeof(TileEntry) + batch.Count * sizeof(UtteranceEntry)];
        Span<TileEntry> places = MemoryMarshal.Cast<byte, TileEntry>(bytes.AsSpan(0, tiles * sizeof(TileEntry)));
        Span<UtteranceEntry> utterances = MemoryMarshal.Cast<byte, UtteranceEntry>(bytes.AsSpan(tiles * sizeof(TileEntry)));
        int next = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            PackedUtterance utterance = batch[i];
            utterances[i] = new(utterance.Samples.Address, utterance.Samples.Rows, utterance.FirstSlot, utterance.FirstFrame, utterance.Frames);
        }
        // Blocks start in this order. An attention block takes the longer the more keys there are: begun last, the longest would run on alone.
        foreach (int i in Enumerable.Range(0, batch.Count).OrderByDescending(i => batch[i].Frames))
        {
            for (long first = 0; first < batch[i].Frames; first += tileFrames) places[next++] = new(i, checked((int)first));
        }
        // An utterance has at least one tile: tables for as many utterances as tiles are of one size whatever the batch.
        Tensor tables = backend.BeginBatch(batch.Frames, tableBytes: tiles * (sizeof(TileEntry) + sizeof(UtteranceEntry)));
        try
        {
            backend.Stream.CopyToDevice(bytes, tables);
            return new DeviceBatch(tables, batch.Count, tiles, backend);
        }
        catch
        {
            tables.Dispose();
            backend.EndBatch();
            throw;
        }
    }

    public void Dispose()
    {
        _tables.Dispose();
        _backend.EndBatch();
    }

    /// <summary>struct Utterance of packed_batch.cuh.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct UtteranceEntry(nint Samples, long SampleCount, long FirstSlot, long FirstFrame, long Frames);

    /// <summary>struct Tile of packed_batch.cuh.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TileEntry(int Utterance, int First);
}
