using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>A device that the checks run on, with one backend a precision, made when first needed and called from one thread.</summary>
public abstract class CheckedDevice(string name) : IDisposable
{
    private readonly EncoderThread _thread = new();
    private readonly Dictionary<Precision, IBackend> _backends = [];

    /// <summary>The devices by name, in the order of a run.</summary>
    public static IReadOnlyList<string> Names { get; } = ["cpu", "cuda"];

    public string Name { get; } = name;

    /// <summary>Whether a device has a precision at all; what it has may still be missing on this machine.</summary>
    public static bool Has(string name, Precision precision) => name == "cuda" || precision != Precision.Float16;

    public static CheckedDevice Named(string name) => name switch
    {
        "cpu" => new CheckedCpu(),
        "cuda" => new CheckedCuda(),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, $"no such device, expected one of: {string.Join(", ", Names)}"),
    };

    /// <summary>Runs a body on the backend's own thread and holds it to the memory that it took.</summary>
    internal double Run(string check, Precision precision, Action<CheckedBackend> body) => _thread.Run(() =>
    {
        if (!_backends.TryGetValue(precision, out IBackend? backend)) _backends.Add(precision, backend = Create(precision));
        nint before = BytesInUse(backend);
        var errors = new Errors(check, Name);
        body(new CheckedBackend(this, backend, errors));
        nint after = BytesInUse(backend);
        if (after != before) throw new CheckFailedException($"{check} on {Name}: {before:N0} bytes of tensors before, {after:N0} after");
        return errors.WorstRatio;
    });

    /// <exception cref="CheckSkippedException">This machine has no such device, or the device no such precision.</exception>
    internal abstract IBackend Create(Precision precision);

    /// <summary>Bytes that tensors hold now.</summary>
    internal abstract nint BytesInUse(IBackend backend);

    /// <summary>NaN in the whole block behind a tensor, past its rows too.</summary>
    internal abstract void Poison(IBackend backend, Tensor tensor);

    internal abstract void Write(IBackend backend, ReadOnlySpan<byte> from, Tensor tensor);

    internal abstract void Read(IBackend backend, Tensor tensor, Span<byte> to);

    public void Dispose()
    {
        _thread.Run(() =>
        {
            foreach (IBackend backend in _backends.Values) backend.Dispose();
            return 0;
        });
        _thread.Dispose();
        GC.SuppressFinalize(this);
    }
}
