using Microsoft.Win32.SafeHandles;

namespace WavLM.Cuda.Backends.Cpu.Interop;

// One class a native object. None holds another alive: oneDNN counts its own references.

internal sealed class DnnlEngineHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_engine_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlStreamHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_stream_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlMemoryHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_memory_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlAttributesHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_primitive_attr_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlPostOpsHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_post_ops_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlPrimitiveDescriptorHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_primitive_desc_destroy(handle) == DnnlStatus.Success;
}

internal sealed class DnnlPrimitiveHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Dnnl.dnnl_primitive_destroy(handle) == DnnlStatus.Success;
}
