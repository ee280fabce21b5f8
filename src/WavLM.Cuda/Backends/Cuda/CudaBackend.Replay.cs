using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cuda;

// A second of speech keeps a large device busy for less time than the host needs to launch a layer's kernels one by one. So
// the layers of small batches are recorded as graphs. Lengths never repeat exactly; a record is for rows rounded up to whole
// row tiles and for a number of attention tiles, and what else differs between batches lies in device memory.
internal sealed partial class CudaBackend
{
    /// <summary>Some ten seconds: from there on the device is the slower one.</summary>
    internal const int MostRecordedFrames = 512;

    internal const int MostRecords = 512;

    private readonly Dictionary<RecordKey, CudaGraph?> _records = [];
    private bool _recording;
    private long _recordedFrames = -1;   // of the batch under way, if its stages are recorded

    /// <summary>Batches of up to so many frames are recorded; 0: none.</summary>
    internal int RecordedFrames { get; set; } = MostRecordedFrames;

    /// <inheritdoc />
    public void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations)
    {
        var places = (DeviceBatch)batch.Places!;
        if (batch.Frames != _recordedFrames)
        {
            operations();
            return;
        }
        var key = RecordKey.Of(stage, GemmShape.RowsOfCall(batch.Frames), places, tensors);
        if (_records.TryGetValue(key, out CudaGraph? record))
        {
            if (record is null) _records[key] = record = Capture(operations);
            record.Launch(_stream);
            return;
        }
        // The first time its tensors get their blocks, its products their algorithms checked and its kernels loaded, none of
        // which can be recorded; and most combinations never come again.
        if (_records.Count >= MostRecords)
        {
            _stream.Synchronize();   // the layers before this one may still be running from theirs
            ForgetRecords();
        }
        Record(operations);
        _records.Add(key, null);
    }

    /// <summary>A new batch: whether its stages are recorded, and room for its tables. Ends with <see cref="EndBatch"/>.</summary>
    internal Tensor BeginBatch(long frames, int tableBytes)
    {
        int words = tableBytes / sizeof(int);
        if (frames > RecordedFrames) return _memory.Rent(words, words, 1, ElementType.Int32);
        Tensor tables = _framesKept.Rent(words, words, 1, ElementType.Int32);
        _recordedFrames = frames;
        return tables;
    }

    internal void EndBatch() => _recordedFrames = -1;

    // A method of its own: where a lambda's variables are parameters, they are moved to the heap at each call.
    private CudaGraph Capture(Action operations) => CudaGraph.Capture(_stream, () => Record(operations));

    private void Record(Action operations)
    {
        _recording = true;
        try
        {
            operations();
        }
        finally
        {
            _recording = false;
        }
    }

    /// <summary>Rows that a launch covers: in a record all that a batch of its size may have.</summary>
    private long RowsOf(Tensor x) => _recording ? GemmShape.RowsOfCall(x.Rows) : x.Rows;

    private void ForgetRecords()
    {
        foreach (CudaGraph? record in _records.Values) record?.Dispose();
        _records.Clear();
    }

    /// <summary>What a recorded stage depends on: sizes, and where the memory lies that it was recorded with.</summary>
    private readonly record struct RecordKey(int Stage, long Rows, int Tiles, nuint Places, nint First, nint Second, nint Third)
    {
        public static RecordKey Of(int stage, long rows, DeviceBatch places, ReadOnlySpan<Tensor?> tensors)
        {
            if (tensors.Length > 3) throw new ArgumentException($"{tensors.Length} tensors, a record's key holds 3", nameof(tensors));
            return new(stage, rows, places.TileCount, places.Tiles, AddressOf(tensors, 0), AddressOf(tensors, 1), AddressOf(tensors, 2));
        }

        private static nint AddressOf(ReadOnlySpan<Tensor?> tensors, int index) => index < tensors.Length && tensors[index] is { } tensor ? tensor.Address : 0;
    }
}
