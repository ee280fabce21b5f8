using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>
/// The operations on a CUDA device, in float32: matrix products by cuBLASLt with one algorithm a shape, everything else by our own
/// kernels. Bits follow from the model and the utterance, never from the batch. Made, used and disposed on one thread.
/// </summary>
internal sealed partial class CudaBackend : IBackend
{
    // Compilers are memory-hungry, and a model wants some twenty kernels.
    private const int MostCompilerThreads = 8;

    private readonly CudaDevice _device;
    private readonly CudaStream _stream;
    private readonly CudaStream _copying;
    private readonly DeviceMemoryPool _memory;
    private readonly PinnedMemory _pinned;
    private readonly Gemms _gemms;
    private readonly KernelCompiler _compiler;
    private readonly Kernels _kernels;
    private readonly KeptTensors _framesKept;
    private readonly KeptTensors _stagesKept;

    /// <param name="ordinal">The device, by the driver's count.</param>
    /// <param name="cache">Where compiled kernels are kept.</param>
    /// <param name="memoryBudget">The most bytes of the device that tensors may hold; null for what is free now, less a reserve.</param>
    /// <param name="referenceRows">The number of rows that cuBLASLt chooses algorithms for.</param>
    /// <param name="sources">The kernels; null for those that this assembly carries.</param>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it or a library is too old.</exception>
    public CudaBackend(int ordinal, KernelCache cache, long? memoryBudget = null, int referenceRows = Gemm.ReferenceRows, KernelSources? sources = null)
    {
        try
        {
            _device = CudaDevice.Open(ordinal);
            _stream = new CudaStream(_device);
            _copying = new CudaStream(_device);
            _memory = new DeviceMemoryPool(_device, _stream, memoryBudget);
            _pinned = new PinnedMemory(_device);
            _gemms = new Gemms(_device, _memory, referenceRows);
            _compiler = new KernelCompiler(sources ?? KernelSources.Embedded, cache, _device.Architecture, Math.Min(Environment.ProcessorCount, MostCompilerThreads));
            _kernels = new Kernels(_device, _compiler);
            _framesKept = new KeptTensors(_memory, _stream);
            _stagesKept = new KeptTensors(_memory, _stream);
            _waveformStatistics = WaveformStatisticsKernels(_kernels);
            _normalizeWaveforms = NormalizeWaveformKernels(_kernels);
            _chunkSums = ChunkSumKernels(_kernels);
            _windowMoments = FoldKernels(_kernels, "window_moments");
            _groupNormFolds = FoldKernels(_kernels, "group_norm_fold");
            _firstConvs = FirstConvKernels(_kernels);
            _gelus = GeluKernels(_kernels);
            _layerNorms = LayerNormKernels(_kernels);
            _compacts = CompactKernels(_kernels);
            _positionalConvs = PositionalConvKernels(_kernels);
            _attentions = AttentionKernels(_kernels);
            _weightedSums = WeightedSumKernels(_kernels);
            _pools = PoolKernels(_kernels);
            _nearestCentroids = NearestCentroidKernels(_kernels);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Device, versions and algorithms; complete once the model's weights are packed.</summary>
    public string DeviceSet
        => $"cuda {_device.Name} sm_{_device.Architecture}, driver {DottedVersion(CudaDevice.DriverVersion)}, NVRTC {_compiler.Compiler.Version}, cuBLASLt {Gemms.DottedVersion}, algorithms {_gemms.AlgorithmsHash}";

    /// <inheritdoc cref="IBackend.OperandType" />
    public ElementType OperandType { get; } = ElementType.Float32;

    /// <inheritdoc cref="IBackend.FrontEndTileFrames" />
    public int FrontEndTileFrames { get; } = 1024;   // 134 MB of the first level in float32; rows enough for every multiprocessor

    /// <inheritdoc cref="IBackend.RowTile" />
    public int RowTile { get; } = GemmShape.RowTile;

    /// <summary>What the tensors take, and took at most.</summary>
    internal DeviceMemoryPool Memory => _memory;

    /// <summary>The order in which everything runs but the copies to the host.</summary>
    internal CudaStream Stream => _stream;

    /// <summary>A backend as a user gets it: with the user's cache of compiled kernels.</summary>
    /// <param name="ordinal">The device, by the driver's count.</param>
    /// <param name="precision">Type of the matrix operands.</param>
    /// <param name="warn">Gets a line where something is in the way that costs time alone.</param>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it can't compute in this precision.</exception>
    public static CudaBackend Open(int ordinal, Precision precision, Action<string> warn)
    {
        if (precision != Precision.Float32)
            throw new PlatformNotSupportedException($"CUDA computes in {Precision.Float32} in this version, found {precision}; use --precision fp32, or --device cpu");
        return new CudaBackend(ordinal, KernelCache.OfUser(warn));
    }

    /// <inheritdoc cref="IBackend.Rent" />
    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
    {
        long tiles = (Math.Max(rows, 1) + RowTile - 1) / RowTile, capacity = Math.Max(tiles * RowTile, readableRows);
        return _recording ? _stagesKept.Rent(rows, capacity, columns, type)
            : rows == _recordedFrames ? _framesKept.Rent(rows, capacity, columns, type)
            : _memory.Rent(rows, capacity, columns, type);
    }

    /// <inheritdoc cref="IBackend.Keep" />
    public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns)
    {
        if (values.Length != rows * columns) throw new ArgumentException($"{values.Length} values for [{rows}, {columns}]", nameof(values));
        Tensor tensor = _memory.Rent(rows, rows, columns, ElementType.Float32);
        try
        {
            _stream.CopyToDevice(MemoryMarshal.AsBytes(values), tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Gives everything back, what others let go of included.</summary>
    public void Dispose()
    {
        // A constructor that failed half-way left the rest null.
        _stagesKept?.Dispose();
        _framesKept?.Dispose();
        _memory?.Dispose();   // waits for what is queued: a pass that failed left launches behind, and what follows is in use until then
        ForgetRecords();
        _kernels?.Dispose();
        _compiler?.Dispose();
        _gemms?.Dispose();
        _pinned?.Dispose();
        _copying?.Dispose();
        _stream?.Dispose();
        _device?.Dispose();
    }

    private static string DottedVersion(int version) => $"{version / 1000}.{version % 1000 / 10}";

    private static void RequireShape(Tensor tensor, long rows, int columns, string name)
    {
        if (tensor.Rows != rows || tensor.Columns != columns)
            throw new ArgumentException($"{name} is [{tensor.Rows}, {tensor.Columns}], expected [{rows}, {columns}]", name);
        if (tensor.Type != ElementType.Float32) throw new ArgumentException($"{name} is {tensor.Type}, expected {ElementType.Float32}", name);
    }

    /// <summary>What a product of whole row tiles reads or writes must be the tensor's own.</summary>
    private static void RequireReach(Tensor tensor, long rows, string name)
    {
        long bytes = rows * tensor.Columns * tensor.Type.Bytes();
        if (tensor.Bytes < bytes) throw new ArgumentException($"{name} [{tensor.Rows}, {tensor.Columns}] has {tensor.Bytes:N0} bytes, and {bytes:N0} are read or written", name);
    }
}
