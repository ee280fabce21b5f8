namespace WavLM.Cuda.Backends;

/// <summary>A row-major matrix in a backend's memory, rented from its pool; disposing it gives the memory back.</summary>
internal sealed class Tensor(ITensorPool pool, nint address, nint bytes, long rows, int columns, ElementType type) : IDisposable
{
    private ITensorPool? _pool = pool;

    /// <summary>Rows that mean something. The memory behind them reaches to the backend's next whole row tile.</summary>
    public long Rows { get; } = rows;

    public int Columns { get; } = columns;

    public ElementType Type { get; } = type;

    /// <summary>Bytes of the block behind the tensor.</summary>
    public nint Bytes { get; } = bytes;

    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pool is null, this);
            return address;
        }
    }

    public void Dispose()
    {
        ITensorPool? owner = _pool;
        _pool = null;
        owner?.Return(address, Bytes);
    }
}

/// <summary>Where tensors get their memory from and return it to.</summary>
internal interface ITensorPool
{
    void Return(nint address, nint bytes);
}
