namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>
/// Tensors that keep their memory, and with it their address: a graph holds the addresses that were recorded. The same
/// requests in the same order get the same blocks. Fresh blocks are zeros, since a recorded launch covers whole row tiles.
/// </summary>
internal sealed class KeptTensors(DeviceMemoryPool memory, CudaStream stream) : ITensorPool, IDisposable
{
    private readonly Dictionary<nint, Stack<nint>> _idle = [];
    private readonly List<Tensor> _blocks = [];

    /// <exception cref="DeviceMemoryException">A fresh block is needed, and there is no memory for it.</exception>
    public Tensor Rent(long rows, long capacityRows, int columns, ElementType type)
    {
        nint bytes = checked((nint)(capacityRows * columns * type.Bytes()));
        nint address = _idle.TryGetValue(bytes, out Stack<nint>? blocks) && blocks.TryPop(out nint idle) ? idle : Allocate(capacityRows, columns, type);
        return new Tensor(this, address, bytes, rows, columns, type);
    }

    public void Return(nint address, nint bytes)
    {
        if (!_idle.TryGetValue(bytes, out Stack<nint>? blocks)) _idle.Add(bytes, blocks = new Stack<nint>());
        blocks.Push(address);
    }

    /// <summary>Gives all blocks back. No tensor may be out.</summary>
    public void Dispose()
    {
        foreach (Tensor block in _blocks) block.Dispose();
        _blocks.Clear();
        _idle.Clear();
    }

    private nint Allocate(long rows, int columns, ElementType type)
    {
        Tensor block = memory.Rent(rows, rows, columns, type);
        _blocks.Add(block);
        stream.Fill(block, 0);
        return block.Address;
    }
}
