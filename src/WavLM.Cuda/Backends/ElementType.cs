namespace WavLM.Cuda.Backends;

/// <summary>What a tensor's elements are.</summary>
internal enum ElementType
{
    Float32,
    Float16,
    BFloat16,
    Int32,

    /// <summary>Signed; a product's left operand of this type is unsigned.</summary>
    Int8,
}

internal static class ElementTypes
{
    /// <summary>What a model's matrix operands are stored as in a precision. Integers are made of them where they are multiplied.</summary>
    public static ElementType OperandType(this Precision precision) => precision switch
    {
        Precision.Float32 => ElementType.Float32,
        Precision.Float16 => ElementType.Float16,
        Precision.BFloat16 or Precision.Int8 => ElementType.BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "no such precision"),
    };

    /// <summary>What linear maps and strided convolutions multiply in a precision.</summary>
    public static ElementType ProductType(this Precision precision) => precision == Precision.Int8 ? ElementType.Int8 : precision.OperandType();

    public static int Bytes(this ElementType type) => type switch
    {
        ElementType.Float32 or ElementType.Int32 => sizeof(float),
        ElementType.Float16 or ElementType.BFloat16 => sizeof(ushort),
        ElementType.Int8 => sizeof(sbyte),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
    };
}
