using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Backends.Cuda;

/// <summary>
/// The operations on a CUDA device: matrix products by cuBLASLt with one algorithm a shape, everything else by our own kernels. Bits follow from the model and the utterance, never from the batch. Made, used and disposed on one thread.
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
    /// <param name="operands">Type of the matrix operands: float32, float16 or bfloat16.</param>
    /// <param name="memoryBudget">The most bytes of the device that tensors may hold; null for what is free now, less a reserve.</param>
    /// <param name="referenceRows">The number of rows that cuBLASLt chooses algorithms for.</param>
    /// <param name="sources">The kernels; null for those that this assembly carries.</param>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it or a library is too old.</exception>
    public CudaBackend(int ordinal, KernelCache cache, ElementType operands = ElementType.Float32, long? memoryBudget = null, int referenceRows = Gemm.ReferenceRows, KernelSources? sources = null)
    {
        OperandType = operands;
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
            _waveformStatistics = new(_kernels, WaveformStatisticsKernel);
            _normalizeWaveforms = new(_kernels, NormalizeWaveformKernel);
            _chunkSums = new(_kernels, ChunkSumsKernel);
            _windowMoments = new(_kernels, static variant => variant.DescribeMoments());
            _groupNormFolds = new(_kernels, static variant => variant.DescribeFold());
            _firstConvs = new(_kernels, static variant => variant.Describe());
            _gelus = new(_kernels, static variant => variant.Describe());
            _layerNorms = new(_kernels, static variant => variant.Describe());
            _compacts = new(_kernels, CompactKernel);
            _positionalConvs = new(_kernels, static shape => shape.Describe());
            _positionalConvsOnTensorCores = new(_kernels, static shape => shape.Describe());
            _attentions = new(_kernels, static variant => variant.Describe());
            _weightedSums = new(_kernels, WeightedSumKernel);
            _pools = new(_kernels, PoolKernel);
            _nearestCentroids = new(_kernels, NearestCentroidKernel);
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
    public ElementType OperandType { get; }

    /// <inheritdoc cref="IBackend.FrontEndTileFrames" />
    public int FrontEndTileFrames => 4096 / OperandType.Bytes();   // 134 MB of the first level; rows enough for every multiprocessor

    /// <inheritdoc cref="IBackend.RowTile" />
    public int RowTile { get; } = GemmShape.RowTile;

    /// <summary>What the tensors take, and took at most.</summary>
    internal DeviceMemoryPool Memory => _memory;

    /// <summary>What it launches.</summary>
    internal Kernels Kernels => _kernels;

    /// <summary>The order in which everything runs but the copies to the host.</summary>
    internal CudaStream Stream => _stream;

    /// <summary>A backend as a user gets it: with the user's cache of compiled kernels.</summary>
    /// <param name="ordinal">The device, by the driver's count.</param>
    /// <param name="precision">Type of the matrix operands.</param>
    /// <param name="warn">Gets a line where something is in the way that costs time alone.</param>
    /// <param name="referenceRows">The number of rows that cuBLASLt chooses algorithms for.</param>
    /// <exception cref="PlatformNotSupportedException">There is no such device, or it or a library is too old.</exception>
    public static CudaBackend Open(int ordinal, Precision precision, Action<string> warn, int referenceRows = Gemm.ReferenceRows)
        => new(ordinal, KernelCache.OfUser(warn), precision.OperandType(), referenceRows: referenceRows);

    /// <inheritdoc cref="IBackend.Rent" />
    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
    {
        long tiles = (Math.Max(rows, 1) + RowTile - 1) / RowTile, capacity = Math.Max(tiles * RowTile, readableRows);
        return _recording ? _stagesKept.Rent(rows, capacity, columns, type)
            : rows == _recordedFrames ? _framesKept.Rent(rows, capacity, columns, type)
            : _memory.Rent(rows, capacity, columns, type);
    }

    /// <inheritdoc cref="IBackend.Keep" />
    public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns) => Keep(values, rows, columns, ElementType.Float32);

    /// <summary>The same, rounded to a type.</summary>
    private Tensor Keep(ReadOnlySpan<float> values, long rows, int columns, ElementType type)
    {
        if (values.Length != rows * columns) throw new ArgumentException($"{values.Length} values for [{rows}, {columns}]", nameof(values));
        Tensor tensor = _memory.Rent(rows, rows, columns, type);
        try
        {
            _stream.CopyToDevice(type == ElementType.Float32 ? MemoryMarshal.AsBytes(values) : MemoryMarshal.AsBytes<ushort>(HalfPrecision.Round(values, type)), tensor);
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

    private static void RequireShape(Tensor tensor, long rows, int columns, string name, ElementType type = ElementType.Float32)
    {
        if (tensor.Rows != rows || tensor.Columns != columns)
            throw new ArgumentException($"{name} is [{tensor.Rows}, {tensor.Columns}], expected [{rows}, {columns}]", name);
        if (tensor.Type != type) throw new ArgumentException($"{name} is {tensor.Type}, expected {type}", name);
    }

    /// <summary>What a product of whole row tiles reads or writes must be the tensor's own.</summary>
    private static void RequireReach(Tensor tensor, long rows, string name)
    {
        long bytes = rows * tensor.Columns * tensor.Type.Bytes();
        if (tensor.Bytes < bytes) throw new ArgumentException($"{name} [{tensor.Rows}, {tensor.Columns}] has {tensor.Bytes:N0} bytes, and {bytes:N0} are read or written", name);
    }
}
