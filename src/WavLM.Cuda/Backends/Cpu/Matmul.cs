using WavLM.Cuda.Backends.Cpu.Interop;

namespace WavLM.Cuda.Backends.Cpu;

/// <summary>How the right-hand operand of a <see cref="Matmul"/> lies in memory.</summary>
internal enum WeightLayout
{
    /// <summary>As oneDNN likes it best: filled by <see cref="Matmul.Pack"/>.</summary>
    Packed,

    /// <summary>[inner, columns], rows a stride apart.</summary>
    Rows,

    /// <summary>[columns, inner], rows a stride apart.</summary>
    Transposed,
}

/// <summary>y [Rows, Columns] (+)= x [Rows, Inner] W [Inner, Columns] (+ bias), optionally through the erf GELU. Strides are in elements.</summary>
internal readonly record struct MatmulShape(int Rows, int Inner, int Columns)
{
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
    private readonly Arguments?[] _arguments;

    /// <param name="engine">Must outlive the primitive.</param>
    /// <param name="shape">Fixed for ever.</param>
    /// <param name="workers">How many threads may run it.</param>
    /// <param name="packedBy">For weights that another primitive packed: this one takes them as they are.</param>
    public Matmul(DnnlEngineHandle engine, MatmulShape shape, int workers, Matmul? packedBy = null)
    {
        _engine = engine;
        _arguments = new Arguments?[workers];
        Shape = shape;
        _source = Strided(shape.Rows, shape.Inner, shape.SourceStride, 1, shape.Operands);
        _destination = Strided(shape.Rows, shape.Columns, shape.DestinationStride, 1, shape.Destination);
        _bias = Strided(1, shape.Columns, shape.Columns, 1, ElementType.Float32);
        DnnlMemoryDescriptor wanted = shape.Weights switch
        {
            WeightLayout.Packed when packedBy is not null => packedBy._weights,
            WeightLayout.Packed => Any(shape.Inner, shape.Columns, shape.Operands),
            WeightLayout.Rows => Strided(shape.Inner, shape.Columns, shape.WeightStride, 1, shape.Operands),
            _ => Strided(shape.Inner, shape.Columns, 1, shape.WeightStride, shape.Operands),
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

    /// <summary>weights [columns, inner], float32, as checkpoints hold them, to the packed layout and type, once, at load.</summary>
    public void Pack(Worker worker, ReadOnlySpan<float> weights, nint packed)
    {
        if (weights.Length != (long)Shape.Inner * Shape.Columns)
            throw new ArgumentException($"{weights.Length} values for a matrix of {Shape.Columns} x {Shape.Inner}", nameof(weights));
        DnnlMemoryDescriptor plain = Strided(Shape.Inner, Shape.Columns, 1, Shape.Inner, ElementType.Float32);
        using DnnlAttributesHandle attributes = Attributes(default);
        Dnnl.ThrowIfFailed(Dnnl.dnnl_reorder_primitive_desc_create(out DnnlPrimitiveDescriptorHandle descriptor, plain, _engine, _weights, _engine, attributes));
        using DnnlPrimitiveDescriptorHandle keptUntilHere = descriptor;
        DnnlMemoryDescriptor scratchpad = *Dnnl.dnnl_primitive_desc_query_md(descriptor, DnnlQuery.Scratchpad, 0);
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_create(out DnnlPrimitiveHandle reorder, descriptor));
        fixed (float* from = weights)
        {
            using (reorder)
            using (DnnlMemoryHandle source = Memory(plain, (nint)from))
            using (DnnlMemoryHandle destination = Memory(_weights, packed))
            using (DnnlMemoryHandle scratch = Memory(scratchpad, worker.Scratchpad((nint)Dnnl.dnnl_memory_desc_get_size(scratchpad))))
            {
                DnnlArgument* arguments = stackalloc DnnlArgument[3]
                {
                    new(DnnlArgumentIndex.Source, source.DangerousGetHandle()),
                    new(DnnlArgumentIndex.Destination, destination.DangerousGetHandle()),
                    new(DnnlArgumentIndex.Scratchpad, scratch.DangerousGetHandle()),
                };
                Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_execute(reorder.DangerousGetHandle(), worker.Stream, 3, arguments));
            }
        }
    }

    /// <summary>One tile. Addresses must be readable for all <see cref="MatmulShape.Rows"/> rows, whether they mean something or not.</summary>
    public void Run(Worker worker, nint source, nint weights, nint bias, nint destination)
    {
        Arguments arguments = _arguments[worker.Index] ??= new Arguments(this);
        arguments.Set(source, weights, bias, destination, worker.Scratchpad(_scratchpadBytes));
        DnnlArgument* list = stackalloc DnnlArgument[5];
        int count = arguments.Fill(list, Shape.Bias);
        Dnnl.ThrowIfFailed(Dnnl.dnnl_primitive_execute(_primitive.DangerousGetHandle(), worker.Stream, count, list));
    }

    public void Dispose()
    {
        foreach (Arguments? arguments in _arguments) arguments?.Dispose();
        _primitive.Dispose();
    }

    private DnnlMemoryHandle Memory(in DnnlMemoryDescriptor descriptor, nint address)
    {
        Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_create(out DnnlMemoryHandle memory, descriptor, _engine, address));
        return memory;
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

    private static DnnlType TypeOf(ElementType type) => type == ElementType.BFloat16 ? DnnlType.BFloat16 : DnnlType.Float32;

    private static DnnlMemoryDescriptor Strided(long rows, long columns, long rowStride, long columnStride, ElementType type)
    {
        long* sizes = stackalloc long[Dnnl.MaxDimensions] { rows, columns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        long* strides = stackalloc long[Dnnl.MaxDimensions] { rowStride, columnStride, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_desc_init_by_strides(out DnnlMemoryDescriptor descriptor, Matrix, sizes, TypeOf(type), strides));
        return descriptor;
    }

    private static DnnlMemoryDescriptor Any(long rows, long columns, ElementType type)
    {
        long* sizes = stackalloc long[Dnnl.MaxDimensions] { rows, columns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_desc_init_by_tag(out DnnlMemoryDescriptor descriptor, Matrix, sizes, TypeOf(type), DnnlFormatTag.Any));
        return descriptor;
    }

    /// <summary>One worker's memory objects for this primitive.</summary>
    private sealed class Arguments(Matmul matmul) : IDisposable
    {
        private readonly DnnlMemoryHandle _source = matmul.Memory(matmul._source, 0);
        private readonly DnnlMemoryHandle _weights = matmul.Memory(matmul._weights, 0);
        private readonly DnnlMemoryHandle _bias = matmul.Memory(matmul._bias, 0);
        private readonly DnnlMemoryHandle _destination = matmul.Memory(matmul._destination, 0);
        private readonly DnnlMemoryHandle _scratchpad = matmul.Memory(matmul._scratchpad, 0);

        public void Set(nint source, nint weights, nint bias, nint destination, nint scratchpad)
        {
            Point(_source, source);
            Point(_weights, weights);
            if (bias != 0) Point(_bias, bias);
            Point(_destination, destination);
            Point(_scratchpad, scratchpad);
        }

        public int Fill(DnnlArgument* list, bool bias)
        {
            list[0] = new(DnnlArgumentIndex.Source, _source.DangerousGetHandle());
            list[1] = new(DnnlArgumentIndex.Weights, _weights.DangerousGetHandle());
            list[2] = new(DnnlArgumentIndex.Destination, _destination.DangerousGetHandle());
            list[3] = new(DnnlArgumentIndex.Scratchpad, _scratchpad.DangerousGetHandle());
            if (!bias) return 4;
            list[4] = new(DnnlArgumentIndex.Bias, _bias.DangerousGetHandle());
            return 5;
        }

        public void Dispose()
        {
            _source.Dispose();
            _weights.Dispose();
            _bias.Dispose();
            _destination.Dispose();
            _scratchpad.Dispose();
        }

        private static void Point(DnnlMemoryHandle memory, nint address)
            => Dnnl.ThrowIfFailed(Dnnl.dnnl_memory_set_data_handle(memory.DangerousGetHandle(), address));
    }
}
