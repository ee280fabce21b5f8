using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using WavLM.Cuda.Backends.Cpu.Interop;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// The operations on a CPU: matrix products by oneDNN in fixed row tiles, one tile a call on one thread; everything else in
/// loops over 16 lanes. Bits follow from the model and the utterance, never from the batch or the number of threads.
/// </summary>
internal sealed partial class CpuBackend : IBackend
{
    /// <summary>
    /// Rows of one matmul call. oneDNN's rate is the same from 32 to 256 rows (460 to 490 GFLOP/s in float32 on two Zen 5
    /// cores); fewer rows waste less on an utterance's last tile and share better between workers.
    /// </summary>
    internal const int MatmulRows = 64;

    private readonly DnnlEngineHandle _engine;
    private readonly HostMemoryPool _pool = new();
    private readonly Workers _workers;
    private readonly Dictionary<(MatmulShape Shape, bool Repacked), Matmul> _matmuls = [];
    private readonly Dictionary<(int HeadWidth, int QueryStride), AttentionMatmuls> _attentions = [];

    /// <param name="precision">Type of the matrix operands.</param>
    /// <param name="threads">Workers, the calling thread included.</param>
    /// <exception cref="PlatformNotSupportedException">float16; bfloat16 without AVX-512; int8 without its VNNI; or a oneDNN that is not 2.x.</exception>
    public CpuBackend(Precision precision, int threads)
    {
        DnnlVersion version = Version();
        if (version.Major != 2)
            throw new PlatformNotSupportedException($"libdnnl.so.2 says it is oneDNN {version.Major}.{version.Minor}.{version.Patch}, expected 2.x; install libdnnl2");
        DnnlCpuIsa isa = Dnnl.dnnl_get_effective_cpu_isa();
        if (precision == Precision.BFloat16 && !isa.HasFlag(DnnlCpuIsa.Avx512Core))
            throw new PlatformNotSupportedException("bfloat16 needs a CPU with AVX-512, and this one has none; use --precision fp32");
        // What came before VNNI adds pairs of products in 16 bits, where they overflow.
        if (precision == Precision.Int8 && !isa.HasFlag(DnnlCpuIsa.Avx512Vnni))
            throw new PlatformNotSupportedException("int8 needs a CPU with AVX-512 VNNI, and this one has none; use --precision fp32");

        OperandType = Precisions.On(Device.Cpu, precision, whyNotCuda: null).OperandType();
        ProductType = precision.ProductType();
        Dnnl.ThrowIfFailed(Dnnl.dnnl_engine_create(out _engine, DnnlEngineKind.Cpu, 0));
        _workers = new Workers(threads, _engine);
        string width = Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : "128";
        DeviceSet = $"cpu {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}, {width}-bit vectors, oneDNN {version.Major}.{version.Minor}.{version.Patch} isa {(int)isa}";
    }

    /// <inheritdoc />
    public string DeviceSet { get; }

    /// <inheritdoc />
    public ElementType OperandType { get; }

    /// <inheritdoc />
    public ElementType ProductType { get; }

    /// <inheritdoc />
    public int FrontEndTileFrames => 127;   // 8 MB of the first level in bfloat16, 17 in float32: inside the last-level cache

    /// <inheritdoc />
    public int RowTile => 2 * MatmulRows;   // a tile of paired convolution rows

    /// <summary>The threads that compute.</summary>
    internal Workers Workers => _workers;

    /// <summary>What the tensors take, and took at most.</summary>
    internal HostMemoryPool Memory => _pool;

    /// <summary>oneDNN's version, read from the library that was found.</summary>
    private static unsafe DnnlVersion Version() => *Dnnl.dnnl_version();

    /// <inheritdoc />
    public void Prepare(EncoderConfig config)
    {
        // Primitives are made with the weights that they are for.
    }

    /// <inheritdoc />
    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
    {
        // A tile of an utterance's frames starts at any row, so the last one may end a whole tile behind the last row.
        return _pool.Rent(rows, Math.Max(rows + RowTile, readableRows), columns, type);
    }

    /// <inheritdoc />
    public Tensor Keep(ReadOnlySpan<float> values, long rows, int columns)
    {
        if (values.Length != rows * columns) throw new ArgumentException($"{values.Length} values for [{rows}, {columns}]", nameof(values));
        Tensor tensor = _pool.Rent(rows, rows, columns, ElementType.Float32);
        values.CopyTo(Floats(tensor));
        return tensor;
    }

    /// <inheritdoc />
    public Tensor[] Upload(IReadOnlyList<Waveform> waveforms)
    {
        var tensors = new Tensor[waveforms.Count];
        try
        {
            for (int i = 0; i < tensors.Length; i++) tensors[i] = Keep(waveforms[i].Samples.Span, waveforms[i].Samples.Length, 1);
            return tensors;
        }
        catch
        {
            foreach (Tensor? tensor in tensors) tensor?.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public IDisposable? Place(PackedBatch batch) => null;

    /// <inheritdoc />
    public void Replay(int stage, PackedBatch batch, ReadOnlySpan<Tensor?> tensors, Action operations) => operations();

    /// <inheritdoc />
    public IHostCopies CopyToHost() => new HostCopies();

    /// <inheritdoc />
    public void Dispose()
    {
        _workers.Dispose();
        foreach (AttentionMatmuls attention in _attentions.Values) attention.Dispose();
        foreach (Matmul matmul in _matmuls.Values) matmul.Dispose();
        _pool.Dispose();
        _engine.Dispose();
    }

    private static unsafe Span<float> Floats(Tensor tensor) => new((void*)tensor.Address, checked((int)(tensor.Rows * tensor.Columns)));

    private static void RequireShape(Tensor tensor, long rows, int columns, string name)
    {
        if (tensor.Rows != rows || tensor.Columns != columns)
            throw new ArgumentException($"{name} is [{tensor.Rows}, {tensor.Columns}], expected [{rows}, {columns}]", name);
    }

    /// <summary>The primitive of a shape, made once. Called on the encoder's thread, before a stage's loop.</summary>
    internal Matmul MatmulOf(MatmulShape shape, Matmul? packedBy = null)
    {
        (MatmulShape, bool) key = (shape, packedBy is not null);
        if (!_matmuls.TryGetValue(key, out Matmul? matmul))
            _matmuls.Add(key, matmul = new Matmul(_engine, shape, _workers.Count, packedBy));
        return matmul;
    }

    /// <summary>Runs a row loop on all workers, some rows a tile so that taking a tile costs nothing beside its work.</summary>
    private void ForRows(long rows, Action<Worker, long, long> body)
    {
        const long RowsOfTile = 32;
        _workers.For((rows + RowsOfTile - 1) / RowsOfTile, (worker, tile) => body(worker, tile * RowsOfTile, Math.Min(rows, (tile + 1) * RowsOfTile)));
    }
}
