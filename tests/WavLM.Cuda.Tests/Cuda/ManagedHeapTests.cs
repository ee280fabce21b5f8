using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>A warmed-up pass queues its operations without a byte of the managed heap, but for the tensors that it rents.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed class ManagedHeapTests(FaultModel model) : IClassFixture<FaultModel>
{
    private static readonly WaveformNormalization Normalized = new(Normalize: true, Epsilon: 1e-7f, Center: false);

    [Theory]
    [InlineData(false, false, Precision.Float32)]
    [InlineData(false, true, Precision.Float32)]
    [InlineData(true, false, Precision.Float32)]
    [InlineData(true, true, Precision.Float32)]
    [InlineData(false, false, Precision.Float16)]
    [InlineData(false, true, Precision.BFloat16)]
    [InlineData(true, false, Precision.BFloat16)]
    [InlineData(true, true, Precision.Float16)]
    public void A_warmed_up_pass_allocates_tensors_alone(bool preNorm, bool recorded, Precision precision)
    {
        model.Begin();
        using Checkpoint checkpoint = Checkpoint.Open(model.PathOf(preNorm));
        using CudaBackend cuda = new(0, KernelCache.None, precision.OperandType());
        if (!recorded) cuda.RecordedFrames = 0;
        MeteredBackend backend = new(cuda);
        using EncoderWeights weights = EncoderWeights.Load(checkpoint, backend, CancellationToken.None);
        FeaturePass pass = new(new EncoderForward(checkpoint.Config, weights, backend), checkpoint.Config, finalNorm: true, backend);
        float[] some = [.. Enumerable.Range(0, 3 * checkpoint.Config.Width).Select(static i => i / 7f)];

        // Compiled, bound, recorded, and collections grown to their size.
        for (int i = 0; i < 4; i++) Passes();
        backend.Allocated.Clear();
        Passes();
        // All thirteen, but for the group norm of the one model and the attention, which is in the records.
        Assert.Equal(13 - (preNorm ? 1 : 0) - (recorded ? 1 : 0), backend.Allocated.Count);
        Assert.All(backend.Allocated, static operation => Assert.True(operation.Value == 0, $"{operation.Key}: {operation.Value} bytes"));

        void Passes()
        {
            using PackedBatch batch = PackedBatch.Create(FaultModel.Batch, checkpoint.Config, Normalized, backend);
            pass.Layers(batch, FaultModel.All.Layers, Pooling.MeanAndDeviation, CancellationToken.None);
            pass.WeightedSum(batch, some.AsMemory(0, checkpoint.Config.Layers + 1), Pooling.None, CancellationToken.None);
            pass.NearestCentroids(batch, checkpoint.Config.Layers, some, CancellationToken.None);
        }
    }

    /// <summary>Operations of a backend, and the bytes that each allocates on this thread beside tensors.</summary>
    private sealed class MeteredBackend(CudaBackend cuda) : IBackend
    {
        private static readonly long BytesOfTensor = SizeOfTensor();

        private long _reused;

        /// <summary>By operation.</summary>
        public Dictionary<string, long> Allocated { get; } = [];

        public string DeviceSet => cuda.DeviceSet;

        public ElementType OperandType => cuda.OperandType;

        public int FrontEndTileFrames => cuda.FrontEndTileFrames;

        public int RowTile => cuda.RowTile;

        public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
        {
            long before = cuda.Memory.Allocations;
            Tensor tensor = cuda.Rent(rows, columns, type, readableRows);
            if (cuda.Memory.Allocations == before) _reused++;
            return tensor;
        }

        public void Prepare(EncoderConfig config) => cuda.Prepare(config);

        public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns) => cuda.Keep(values, rows, columns);

        public LinearWeights PackLinear(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs, ElementType results) => cuda.PackLinear(weight, bias, outputs, inputs, results);

        public StridedConvWeights PackStridedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, NormWeights? layerNorm, int inputs, ConvLayer shape, int rowsOfSlot, ElementType results)
            => cuda.PackStridedConv(weight, bias, layerNorm, inputs, shape, rowsOfSlot, results);

        public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
            => cuda.PackPositionalConv(weight, bias, channels, groups, kernel);

        public Tensor[] Upload(IReadOnlyList<Waveform> waveforms) => cuda.Upload(waveforms);

        public IDisposable? Place(PackedBatch batch) => cuda.Place(batch);

        public IHostCopies CopyToHost() => cuda.CopyToHost();

        public void NormalizeWaveforms(PackedBatch batch, WaveformNormalization normalization)
        {
            Meter meter = new(this);
            cuda.NormalizeWaveforms(batch, normalization);
            meter.End(nameof(NormalizeWaveforms));
        }

        public Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv)
        {
            Meter meter = new(this);
            Tensor folded = cuda.FoldGroupNorm(batch, conv);
            meter.End(nameof(FoldGroupNorm));
            return folded;
        }

        public void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y)
        {
            Meter meter = new(this);
            cuda.FirstConv(batch, taps, conv, firstRow, y);
            meter.End(nameof(FirstConv));
        }

        public void StridedConv(Tensor x, StridedConvWeights conv, Tensor y)
        {
            Meter meter = new(this);
            cuda.StridedConv(x, conv, y);
            meter.End(nameof(StridedConv));
        }

        public void Compact(PackedBatch batch, Tensor slots, long firstSlot, Tensor frames)
        {
            Meter meter = new(this);
            cuda.Compact(batch, slots, firstSlot, frames);
            meter.End(nameof(Compact));
        }

        public void LayerNorm(Tensor x, NormWeights norm, Tensor y, Tensor? operands = null, GateWeights? gate = null, Tensor? gates = null)
        {
            Meter meter = new(this);
            cuda.LayerNorm(x, norm, y, operands, gate, gates);
            meter.End(nameof(LayerNorm));
        }

        public void Linear(Tensor x, LinearWeights weights, Tensor y, Epilogue epilogue = Epilogue.None)
        {
            Meter meter = new(this);
            cuda.Linear(x, weights, y, epilogue);
            meter.End(nameof(Linear));
        }

        public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
        {
            Meter meter = new(this);
            cuda.PositionalConv(batch, x, conv, y);
            meter.End(nameof(PositionalConv));
        }

        public void GatedAttention(PackedBatch batch, Tensor qkv, int heads, RelativeBias? bias, Tensor? gates, Tensor context, CancellationToken cancellationToken)
        {
            Meter meter = new(this);
            cuda.GatedAttention(batch, qkv, heads, bias, gates, context, cancellationToken);
            meter.End(nameof(GatedAttention));
        }

        public void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations)
        {
            Meter meter = new(this);
            cuda.Replay(stage, batch, tensors, operations);
            meter.End(nameof(Replay));
        }

        public void WeightedSum(Tensor x, float weight, Tensor sum, bool first)
        {
            Meter meter = new(this);
            cuda.WeightedSum(x, weight, sum, first);
            meter.End(nameof(WeightedSum));
        }

        public void Pool(PackedBatch batch, Tensor x, bool withDeviation, Tensor y, long firstRow)
        {
            Meter meter = new(this);
            cuda.Pool(batch, x, withDeviation, y, firstRow);
            meter.End(nameof(Pool));
        }

        public void NearestCentroid(Tensor x, Tensor centroids, Tensor indices)
        {
            Meter meter = new(this);
            cuda.NearestCentroid(x, centroids, indices);
            meter.End(nameof(NearestCentroid));
        }

        public void Dispose() => cuda.Dispose();

        private static long SizeOfTensor()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            _ = new Tensor(null!, 0, 0, 0, 0, default);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        private readonly struct Meter(MeteredBackend backend)
        {
            private readonly long _tensors = backend.Tensors;
            private readonly long _before = GC.GetAllocatedBytesForCurrentThread();

            public void End(string operation)
            {
                long bytes = GC.GetAllocatedBytesForCurrentThread() - _before - BytesOfTensor * (backend.Tensors - _tensors);
                backend.Allocated[operation] = backend.Allocated.GetValueOrDefault(operation) + bytes;
            }
        }

        /// <summary>Made so far: by the pool, or around memory that is kept for records.</summary>
        private long Tensors => cuda.Memory.Allocations + _reused;
    }
}
