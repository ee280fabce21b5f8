using System.Security.Cryptography;
using System.Text;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>The products of a model by their shape: weights of one shape share an algorithm.</summary>
internal sealed class Gemms : IDisposable
{
    /// <summary>What NVIDIA recommends for Hopper, the most of all. Without split sums most algorithms need none.</summary>
    private const int WorkspaceBytes = 32 << 20;

    private readonly CublasLtHandle _library;
    private readonly Tensor _workspace;
    private readonly int _referenceRows;
    private readonly Dictionary<GemmShape, Gemm> _gemms = [];

    /// <param name="device">Where they run.</param>
    /// <param name="memory">Gives the workspace.</param>
    /// <param name="referenceRows">The number of rows that algorithms are chosen for.</param>
    public Gemms(CudaDevice device, DeviceMemoryPool memory, int referenceRows = Gemm.ReferenceRows)
    {
        _referenceRows = referenceRows;
        _library = CublasLtHandle.Create(device.Context);
        try
        {
            _workspace = memory.Rent(1, 1, WorkspaceBytes / sizeof(float), ElementType.Float32);
        }
        catch
        {
            _library.Dispose();
            throw;
        }
    }

    /// <summary>The library's: 12.8.0 where it says 120800.</summary>
    public static string DottedVersion
    {
        get
        {
            int version = (int)CublasLt.cublasLtGetVersion();
            return $"{version / 10000}.{version / 100 % 100}.{version % 100}";
        }
    }

    /// <summary>The product of a shape, made at its first use: when its weights are packed.</summary>
    /// <exception cref="GemmRefusedException">The library has no algorithm for it that keeps bits.</exception>
    public Gemm this[GemmShape shape]
    {
        get
        {
            if (!_gemms.TryGetValue(shape, out Gemm? gemm)) _gemms.Add(shape, gemm = new Gemm(_library, shape, _workspace, _referenceRows));
            return gemm;
        }
    }

    /// <summary>Each shape with its algorithm (id/tile/stages), in a fixed order.</summary>
    public IEnumerable<string> Algorithms => _gemms.Values.Select(static gemm => $"{gemm.Shape}: {gemm.Algorithm}").Order(StringComparer.Ordinal);

    /// <summary>The same in eight digits: bits are promised for one set of algorithms.</summary>
    public string AlgorithmsHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Algorithms))).AsSpan(0, 4));

    public void Dispose()
    {
        foreach (Gemm gemm in _gemms.Values) gemm.Dispose();
        _workspace.Dispose();
        _library.Dispose();
    }
}
