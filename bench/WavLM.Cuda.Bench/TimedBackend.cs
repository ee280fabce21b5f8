using System.Diagnostics;
using System.Runtime.CompilerServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench;

/// <summary>A backend that notes how long each operation took; the operations are the inner backend's own.</summary>
internal sealed class TimedBackend(IBackend inner) : IBackend
{
    private readonly Dictionary<string, double> _seconds = [];

    /// <summary>Seconds by operation since the last <see cref="Reset"/>.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    public string DeviceSet => inner.DeviceSet;

    public ElementType OperandType => inner.OperandType;

    public int FrontEndTileFrames => inner.FrontEndTileFrames;

    public int RowTile => inner.RowTile;

    public void Reset() => _seconds.Clear();

    public void Prepare(EncoderConfig config) => inner.Prepare(config);

    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0) => inner.Rent(rows, columns, type, readableRows);

    public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns) => inner.Keep(values, rows, columns);

    public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results)
        => inner.PackLinear(weight, bias, outputs, inputs, results);

    public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results)
        => inner.PackStridedConv(weight, bias, layerNorm, inputs, shape, rowsOfSlot, results);

    public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
        => inner.PackPositionalConv(weight, bias, channels, groups, kernel);

    public Tensor Upload(ReadOnlySpan<float> samples) => inner.Upload(samples);

    public IDisposable? Place(PackedBatch batch) => inner.Place(batch);

    public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization) => Time(() => inner.NormalizeWaveforms(batch, normalization));

    public Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv)
    {
        Tensor? folded = null;
        Time(() => folded = inner.FoldGroupNorm(batch, conv));
        return folded!;
    }

    public void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y)
        => Time(() => inner.FirstConv(batch, taps, conv, firstRow, y));

    public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y) => Time(() => inner.StridedConv(x, conv, y));

    public void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames) => Time(() => inner.Compact(batch, slots, firstSlot, frames));

    public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
        => Time(() => inner.LayerNorm(x, norm, y, operands, gate, gates));

    public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
        => Time(() => inner.Linear(x, weights, y, epilogue), $"Linear {weights.Inputs} to {weights.Outputs}");

    public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
        => Time(() => inner.PositionalConv(batch, x, conv, y));

    public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
        => Time(() => inner.GatedAttention(batch, qkv, heads, bias, gates, context, cancellationToken));

    /// <summary>Never as a record: its operations are what is timed.</summary>
    public void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations) => operations();

    public void WeightedSum(Tensor x, float weight, Tensor sum, bool first) => Time(() => inner.WeightedSum(x, weight, sum, first));

    public void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow) => Time(() => inner.Pool(batch, x, withDeviation, y, firstRow));

    public void NearestCentroid(Tensor x, Tensor centroids, Tensor indices) => Time(() => inner.NearestCentroid(x, centroids, indices));

    public IHostCopies CopyToHost() => inner.CopyToHost();

    public void Dispose() => inner.Dispose();

    /// <summary>Runs something that is not an operation, and notes its time beside theirs.</summary>
    public void Time(Action operation, [CallerMemberName] string name = "")
    {
        long begin = Stopwatch.GetTimestamp();
        operation();
        _seconds[name] = _seconds.GetValueOrDefault(name) + Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
