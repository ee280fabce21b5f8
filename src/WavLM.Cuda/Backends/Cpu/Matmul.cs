using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>How the right-hand operand of a <see cref="Matmul"/> lies in memory.</summary>
internal enum WeightLayout
{
    /// <summary>As oneDNN likes it best: filled by <see cref="Matmul.Pack(Worker, ReadOnlySpan{float}, nint)"/>.</summary>
    Packed,

    /// <summary>[inner, columns], rows a stride apart.</summary>
    Rows,

    /// <summary>[columns, inner], rows a stride apart.</summary>
    Transposed,
}

/// <summary>y [Rows, Columns] (+)= x [Rows, Inner] W [Inner, Columns] (+ bias), optionally through the erf GELU. Strides are in elements.</summary>
internal readonly record struct MatmulShape(int Rows, int Inner, int Columns)
{
    /// <summary>Of both operands; for Int8 those of x are unsigned, which needs no compensation in oneDNN.</summary>
    public required ElementType Operands { get; init; }

    public required ElementType Destination { get; init; }

    public required long SourceStride { get; init; }

    public required long DestinationStride { get; init; }

    public WeightLayout Weights { get; init; }

    public long WeightStride { get; init; }

    public bool Bias { get; init; }

    public bool Gelu { get; init; }

    public bool Accumulate { get; init; }
}

/// <summary>
/// A oneDNN matmul of one fixed shape. Its row count never follows the batch: oneDNN's bfloat16 bits change with it, so rows
/// are cut into fixed tiles and each tile is one call on one thread. The library's own scratchpad is shared between the threads
/// that execute one primitive, silently; so every worker brings its own scratchpad and memory objects.
/// </summary>
internal sealed unsafe class Matmul : IDisposable
{
    private const int Matrix = 2;

    private readonly DnnlEngineHandle _engine;
    private readonly DnnlPrimitiveHandle _primitive;
    private readonly DnnlMemoryDescriptor _source;
    private readonly DnnlMemoryDescriptor _weights;
    private readonly DnnlMemoryDescriptor _bias;
    private readonly DnnlMemoryDescriptor _destination;
    private readonly DnnlMemoryDescriptor _scratchpad;
    private readonly nint _scratchpadBytes;
    private readonly MemoryObjects?[] _memory;

    /// <param name="engine">Must outlive the primitive.</param>
    /// <param name="shape">Fixed for ever.</param>
    /// <param name="workers">How many threads may run it.</param>
    /// <param name="packedBy">For weights that another primitive packed: this one takes them as they are.</param>
    public Matmul(DnnlEngineHandle engine, MatmulShape shape, int workers, Matmul? packedBy = null)
    {
        _engine = engine;
        _memory = new MemoryObjects?[workers];
        Shape = shape;
        _source = Strided(shape.Rows, shape.Inner, shape.SourceStride, 1, shape.Operands == ElementType.Int8 ? DnnlType.UInt8 : TypeOf(shape.Operands));
        _destination = Strided(shape.Rows, shape.Columns, shape.DestinationStride, 1, TypeOf(shape.Destination));
        _bias = Strided(1, shape.Columns, shape.Columns, 1, DnnlType.Float32);
        DnnlMemoryDescriptor wanted = shape.Weights switch
        {
            WeightLayout.Packed when packedBy is not null => packedBy._weights,
            WeightLayout.Packed => Any(shape.Inner, shape.Columns, TypeOf(shape.Operands)),
            WeightLayout.Rows => Strided(shape.Inner, shape.Columns, shape.WeightStride, 1, TypeOf(shape.Operands)),
            _ => Strided(shape.Inner, shape.Columns, 1, shape.WeightStride, TypeOf(shape.Operands)),
        };

        DnnlMatmulDescriptor operation;
        fixed (DnnlMemoryDescriptor* bias = &_bias)
        {
            Dnnl.ThrowIfFailed(Dnnl.dnnl_matmul_desc_init(out operation, _source, wanted, shape.Bias ? bias : null, _destination));
        }
        using DnnlAttributesHandle attributes = Attributes(shape);
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_desc_create(out DnnlPrimitiveDescriptorHandle descriptor, operation, attributes, engine, 0));
        using (descriptor)
        {
            _weights = *Dnnl.dnnl_primitive_desc_query_md(descriptor, DnnlQuery.Weights, 0);
            _scratchpad = *Dnnl.dnnl_primitive_desc_query_md(descriptor, DnnlQuery.Scratchpad, 0);
            Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_create(out _primitive, descriptor));
        }
        _scratchpadBytes = (nint)Dnnl.dnnl_memory_desc_get_size(_scratchpad);
        PackedBytes = (nint)Dnnl.dnnl_memory_desc_get_size(_weights);
    }

    public MatmulShape Shape { get; }

    /// <summary>Bytes of the weights in the layout that the primitive wants.</summary>
    public nint PackedBytes { get; }

    /// <summary>weights [columns, inner], float32, as checkpoints hold them, to the packed layout and type: once, at load.</summary>
    public void Pack(Worker worker, ReadOnlySpan<float> weights, nint packed) => Pack(worker, weights, DnnlType.Float32, packed);

    /// <summary>The same of weights that are integers already.</summary>
    public void Pack(Worker worker, ReadOnlySpan<sbyte> weights, nint packed) => Pack(worker, weights, DnnlType.Int8, packed);

    /// <summary>For operands that are packed in every pass: [inner, columns], rows end to end, to the packed layout.</summary>
    public Reorder PackingOfRows() => new(_engine, Strided(Shape.Inner, Shape.Columns, Shape.Columns, 1, TypeOf(Shape.Operands)), _weights, _memory.Length);

    /// <summary>One tile. Addresses must be readable for all <see cref="MatmulShape.Rows"/> rows, whether they mean something or not.</summary>
    public void Run(Worker worker, nint source, nint weights, nint bias, nint destination)
    {
        MemoryObjects memory = _memory[worker.Index] ??= new MemoryObjects(_engine, _source, _weights, _destination, _scratchpad, _bias);
        memory.Point(0, source);
        memory.Point(1, weights);
        memory.Point(2, destination);
        memory.Point(3, worker.Scratchpad(_scratchpadBytes));
        DnnlArgument* arguments = stackalloc DnnlArgument[5]
        {
            new(DnnlArgumentIndex.Source, memory[0]),
            new(DnnlArgumentIndex.Weights, memory[1]),
            new(DnnlArgumentIndex.Destination, memory[2]),
            new(DnnlArgumentIndex.Scratchpad, memory[3]),
            new(DnnlArgumentIndex.Bias, memory[4]),
        };
        if (Shape.Bias) memory.Point(4, bias);
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_execute(_primitive.DangerousGetHandle(), worker.Stream, Shape.Bias ? 5 : 4, arguments));
    }

    public void Dispose()
    {
        foreach (MemoryObjects? memory in _memory) memory?.Dispose();
        _primitive.Dispose();
    }

    private void Pack<T>(Worker worker, ReadOnlySpan<T> weights, DnnlType type, nint packed)
        where T : unmanaged
    {
        if (weights.Length != (long)Shape.Inner * Shape.Columns)
            throw new ArgumentException($"{weights.Length} values for a matrix of {Shape.Columns} x {Shape.Inner}", nameof(weights));
        using Reorder reorder = new(_engine, Strided(Shape.Inner, Shape.Columns, 1, Shape.Inner, type), _weights, _memory.Length);
        fixed (T* values = weights) reorder.Run(worker, (nint)values, packed);
    }

    private static DnnlAttributesHandle Attributes(MatmulShape shape)
    {
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_attr_create(out DnnlAttributesHandle attributes));
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_attr_set_scratchpad_mode(attributes, DnnlScratchpadMode.User));
        Dnnl.ThrowIfFailed(Dnnl.dnnl_post_ops_create(out DnnlPostOpsHandle postOps));
        using (postOps)
        {
            if (shape.Gelu) Dnnl.ThrowIfFailed(Dnnl.dnnl_post_ops_append_eltwise(postOps, 1, DnnlAlgorithm.GeluErf, 0, 0));
            if (shape.Accumulate) Dnnl.ThrowIfFailed(Dnnl.dnnl_post_ops_append_sum(postOps, 1));
            Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_attr_set_post_ops(attributes, postOps));
        }
        return attributes;
    }

    private static DnnlType TypeOf(ElementType type) => type switch
    {
        ElementType.Float32 => DnnlType.Float32,
        ElementType.BFloat16 => DnnlType.BFloat16,
        ElementType.Int32 => DnnlType.Int32,
        ElementType.Int8 => DnnlType.Int8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no product on the CPU has it"),
    };

    private static DnnlMemoryDescriptor Strided(long rows, long columns, long rowStride, long columnStride, DnnlType type)
    {
        long* sizes = stackalloc long[Dnnl.MaxDimensions] { rows, columns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        long* strides = stackalloc long[Dnnl.MaxDimensions] { rowStride, columnStride, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_desc_init_by_strides(out DnnlMemoryDescriptor descriptor, Matrix, sizes, type, strides));
        return descriptor;
    }

    private static DnnlMemoryDescriptor Any(long rows, long columns, DnnlType type)
    {
        long* sizes = stackalloc long[Dnnl.MaxDimensions] { rows, columns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_desc_init_by_tag(out DnnlMemoryDescriptor descriptor, Matrix, sizes, type, DnnlFormatTag.Any));
        return descriptor;
    }
}
