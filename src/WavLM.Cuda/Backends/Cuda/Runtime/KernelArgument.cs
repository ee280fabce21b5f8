namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>One argument of a launch: its bits, as the kernel's parameter holds them, and the tensor they came from, for errors.</summary>
internal readonly struct KernelArgument
{
    private readonly Tensor? _tensor;
    private readonly Kind _kind;

    private KernelArgument(long bits, Kind kind, Tensor? tensor = null)
    {
        Bits = bits;
        _kind = kind;
        _tensor = tensor;
    }

    private enum Kind : byte
    {
        Address,
        Int64,
        Int32,
        Float32,
        Float64,
    }

    /// <summary>The value in the low bytes: a parameter of four bytes reads the first four.</summary>
    public long Bits { get; }

    /// <summary>A tensor's address; 0 for a tensor that is left out.</summary>
    public static implicit operator KernelArgument(Tensor? tensor) => new(tensor?.Address ?? 0, Kind.Address, tensor);

    /// <summary>A device address.</summary>
    public static implicit operator KernelArgument(nuint address) => new((long)address, Kind.Address);

    public static implicit operator KernelArgument(long value) => new(value, Kind.Int64);

    public static implicit operator KernelArgument(int value) => new((uint)value, Kind.Int32);

    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value), Kind.Float32);

    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToInt64Bits(value), Kind.Float64);

    /// <summary>A tensor's shape and type, or the value.</summary>
    public override string ToString() => _kind switch
    {
        Kind.Address when _tensor is not null => $"{_tensor.Type} [{_tensor.Rows}, {_tensor.Columns}]",
        Kind.Address => Bits == 0 ? "null" : $"0x{Bits:x}",
        Kind.Int64 => $"{Bits}",
        Kind.Int32 => $"{(int)Bits}",
        Kind.Float32 => $"{BitConverter.UInt32BitsToSingle((uint)Bits)}f",
        _ => $"{BitConverter.Int64BitsToDouble(Bits)}",
    };
}
