using System.Collections.Immutable;

namespace WavLM.Cuda.Checkpoints;

/// <summary>How a file stores a tensor's values.</summary>
public enum StoredType
{
    /// <summary>IEEE double precision, 8 bytes.</summary>
    Float64,

    /// <summary>IEEE single precision, 4 bytes.</summary>
    Float32,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    Float16,

    /// <summary>The upper half of a single, 2 bytes.</summary>
    BFloat16,

    /// <summary>Integers, booleans and 8-bit floats: nothing an encoder's weight is stored as.</summary>
    Other,
}

/// <summary>A tensor of a checkpoint.</summary>
/// <param name="Name">Canonical name: Hugging Face's, without a model prefix.</param>
/// <param name="Type">How the file stores it.</param>
/// <param name="Shape">Its dimensions, outermost first.</param>
public sealed record CheckpointTensor(string Name, StoredType Type, ImmutableArray<long> Shape)
{
    /// <summary>Values in the tensor.</summary>
    public long Count => Shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
}

/// <summary>A tensor where it lies in a file. Whoever makes one has compared it with the file's length.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Type">How its values are stored.</param>
/// <param name="Shape">Dimensions, outermost first; their product is known to fit.</param>
/// <param name="File">The open file.</param>
/// <param name="Offset">Byte at which the first value begins.</param>
internal sealed record StoredTensor(string Name, StoredType Type, ImmutableArray<long> Shape, CheckpointFile File, long Offset)
{
    /// <summary>Steps in values, one a dimension; default where the values lie one after another.</summary>
    public ImmutableArray<long> Strides { get; init; }

    public long Count => Shape.Aggregate(1L, (product, dimension) => product * dimension);

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1 of the outermost dimension, under another name.</summary>
    public StoredTensor Rows(string name, long first, long count)
    {
        long row = Strides.IsDefault ? Shape.Skip(1).Aggregate(1L, (product, dimension) => product * dimension) : Strides[0];
        return this with { Name = name, Shape = Shape.SetItem(0, count), Offset = Offset + first * row * SizeOf(Type) };
    }

    /// <summary>Bytes of one value; 0 for <see cref="StoredType.Other"/>, which is never read.</summary>
    public static int SizeOf(StoredType type) => type switch
    {
        StoredType.Float64 => 8,
        StoredType.Float32 => 4,
        StoredType.Float16 or StoredType.BFloat16 => 2,
        _ => 0,
    };

    /// <summary>Dimensions as they appear in messages: [128, 64].</summary>
    public static string Describe(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
