using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cpu.Interop;

/// <summary>The functions of oneDNN 2.x that the CPU backend calls (dnnl.h). Version 3 is another ABI and is refused after loading.</summary>
internal static unsafe partial class Dnnl
{
    private const string Library = "dnnl";   // a key for NativeLibraries, not a file name

    internal const int MaxDimensions = 12;

    [LibraryImport(Library)]
    internal static partial DnnlVersion* dnnl_version();

    [LibraryImport(Library)]
    internal static partial DnnlCpuIsa dnnl_get_effective_cpu_isa();

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_engine_create(out DnnlEngineHandle engine, DnnlEngineKind kind, nuint index);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_engine_destroy(nint engine);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_stream_create(out DnnlStreamHandle stream, DnnlEngineHandle engine, uint flags);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_stream_destroy(nint stream);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_memory_desc_init_by_strides(out DnnlMemoryDescriptor descriptor, int dimensions, long* sizes, DnnlType type, long* strides);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_memory_desc_init_by_tag(out DnnlMemoryDescriptor descriptor, int dimensions, long* sizes, DnnlType type, DnnlFormatTag tag);

    [LibraryImport(Library)]
    internal static partial nuint dnnl_memory_desc_get_size(in DnnlMemoryDescriptor descriptor);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_memory_create(out DnnlMemoryHandle memory, in DnnlMemoryDescriptor descriptor, DnnlEngineHandle engine, nint address);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_memory_set_data_handle(nint memory, nint address);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_memory_destroy(nint memory);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_attr_create(out DnnlAttributesHandle attributes);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_attr_destroy(nint attributes);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_attr_set_scratchpad_mode(DnnlAttributesHandle attributes, DnnlScratchpadMode mode);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_attr_set_post_ops(DnnlAttributesHandle attributes, DnnlPostOpsHandle postOps);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_post_ops_create(out DnnlPostOpsHandle postOps);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_post_ops_destroy(nint postOps);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_post_ops_append_eltwise(DnnlPostOpsHandle postOps, float scale, DnnlAlgorithm algorithm, float alpha, float beta);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_post_ops_append_sum(DnnlPostOpsHandle postOps, float scale);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_matmul_desc_init(out DnnlMatmulDescriptor matmul, in DnnlMemoryDescriptor source, in DnnlMemoryDescriptor weights, DnnlMemoryDescriptor* bias, in DnnlMemoryDescriptor destination);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_desc_create(out DnnlPrimitiveDescriptorHandle descriptor, in DnnlMatmulDescriptor operation, DnnlAttributesHandle attributes, DnnlEngineHandle engine, nint hint);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_reorder_primitive_desc_create(out DnnlPrimitiveDescriptorHandle descriptor, in DnnlMemoryDescriptor source, DnnlEngineHandle sourceEngine, in DnnlMemoryDescriptor destination, DnnlEngineHandle destinationEngine, DnnlAttributesHandle attributes);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_desc_destroy(nint descriptor);

    [LibraryImport(Library)]
    internal static partial DnnlMemoryDescriptor* dnnl_primitive_desc_query_md(DnnlPrimitiveDescriptorHandle descriptor, DnnlQuery what, int index);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_create(out DnnlPrimitiveHandle primitive, DnnlPrimitiveDescriptorHandle descriptor);

    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_destroy(nint primitive);

    // The pointers, not the handles: this is called once a tile, and the callers keep the handles alive.
    [LibraryImport(Library)]
    internal static partial DnnlStatus dnnl_primitive_execute(nint primitive, nint stream, int count, DnnlArgument* arguments);

    /// <exception cref="DnnlException">The status is not success; names the call as it stands in the source.</exception>
    internal static void ThrowIfFailed(DnnlStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != DnnlStatus.Success) throw new DnnlException(status, call);
    }
}

/// <summary>A call into oneDNN failed.</summary>
internal sealed class DnnlException(DnnlStatus status, string call) : Exception($"oneDNN: {status} from {call}");
