using WavLM.Cuda.Backends;
using WavLM.Cuda.Bench.Passes;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Timing;

/// <summary>A backend that puts a mark before and behind each operation; the operations are the inner backend's own.</summary>
/// <param name="inner">The backend, which stays its owner's.</param>
/// <param name="clock">Of that backend.</param>
/// <param name="stages">Which stage an operation belongs to.</param>
internal sealed class TimedBackend(IBackend inner, DeviceClock clock, StageNames stages) : IBackend
{
    private readonly List<(string Stage, int Begin, int End)> _operations = [];

    public string DeviceSet => inner.DeviceSet;

    public ElementType OperandType => inner.OperandType;

    public ElementType ProductType => inner.ProductType;

    public int FrontEndTileFrames => inner.FrontEndTileFrames;

    public int RowTile => inner.RowTile;

    /// <summary>Forgets all that was noted, and waits for what is queued.</summary>
    public void Reset()
    {
        _operations.Clear();
        clock.Reset();
    }

    /// <summary>Seconds by stage since the last <see cref="Reset"/>, in the order in which they were first met; waits for them.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Seconds()
        => [.. _operations.GroupBy(static operation => operation.Stage).Select(stage => KeyValuePair.Create(stage.Key, stage.Sum(operation => clock.Between(operation.Begin, operation.End))))];

    public void Prepare(EncoderConfig config) => inner.Prepare(config);

    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0) => inner.Rent(rows, columns, type, readableRows);

    public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns) => inner.Keep(values, rows, columns);

    public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results)
        => inner.PackLinear(weight, bias, outputs, inputs, results);

    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results)
        => inner.PackStridedConv(weight, bias, layerNorm, inputs, shape, rowsOfSlot, results);

    public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
        => inner.PackPositionalConv(weight, bias, channels, groups, kernel);

    public Tensor[] Upload(IReadOnlyList<Waveform> waveforms) => inner.Upload(waveforms);

    public IDisposable? Place(PackedBatch batch) => inner.Place(batch);

    public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization) => Time(StageNames.Waveform, () => inner.NormalizeWaveforms(batch, normalization));

    public Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv)
    {
        Tensor? folded = null;
        Time(StageNames.Conv(0), () => folded = inner.FoldGroupNorm(batch, conv));
        return folded!;
    }

    public void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y)
        => Time(StageNames.Conv(0), () => inner.FirstConv(batch, taps, conv, firstRow, y));

    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y) => Time(stages.Of(conv), () => inner.StridedConv(x, conv, y));

    public void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames) => Time(StageNames.Compact, () => inner.Compact(batch, slots, firstSlot, frames));

    public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
        => Time(stages.Of(norm), () => inner.LayerNorm(x, norm, y, operands, gate, gates));

    public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
        => Time(stages.Of(weights), () => inner.Linear(x, weights, y, epilogue));

    public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
        => Time(StageNames.PositionalConv, () => inner.PositionalConv(batch, x, conv, y));

    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
        => Time(StageNames.Attention, () => inner.GatedAttention(batch, qkv, heads, bias, gates, context, cancellationToken));

    /// <summary>Never as a record: its operations are what is timed.</summary>
    public void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations) => operations();

    public void WeightedSum(Tensor x, float weight, Tensor sum, bool first) => Time(nameof(WeightedSum), () => inner.WeightedSum(x, weight, sum, first));

    public void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow) => Time(nameof(Pool), () => inner.Pool(batch, x, withDeviation, y, firstRow));

    public void NearestCentroid(Tensor x, Tensor centroids, Tensor indices) => Time(nameof(NearestCentroid), () => inner.NearestCentroid(x, centroids, indices));

    public IHostCopies CopyToHost() => inner.CopyToHost();

    /// <summary>Nothing: the inner backend is not its own.</summary>
    public void Dispose()
    {
    }

    private void Time(string stage, Action operation)
    {
        int begin = clock.Mark();
        operation();
        _operations.Add((stage, begin, clock.Mark()));
    }
}
