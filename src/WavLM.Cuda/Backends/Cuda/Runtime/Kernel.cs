using WavLM.Cuda.Backends.Cuda.Interop;
using ModuleHandle = WavLM.Cuda.Backends.Cuda.Interop.ModuleHandle;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>An entry point of a loaded module. Launching allocates nothing on the managed heap.</summary>
internal sealed unsafe class Kernel : IDisposable
{
    // What every kernel may take without asking (CUDA C++ programming guide, "Shared Memory").
    private const int SharedBytesWithoutAsking = 48 * 1024;

    private readonly KernelVariant _variant;
    private readonly CudaDevice _device;
    private readonly ModuleHandle _module;
    private readonly nint _function;
    private readonly int _staticSharedBytes;
    private bool _sharedBytesAllowed;

    /// <summary>Loads an image. On the device's thread.</summary>
    public Kernel(CudaDevice device, KernelVariant variant, ReadOnlySpan<byte> image)
    {
        _device = device;
        _variant = variant;
        _module = ModuleHandle.Load(image, device.Context);
        try
        {
            Driver.ThrowIfFailed(Driver.cuModuleGetFunction(out _function, _module, variant.Entry));
            Driver.ThrowIfFailed(Driver.cuFuncGetAttribute(out _staticSharedBytes, CuFunctionAttribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, _function));
        }
        catch
        {
            _module.Dispose();
            throw;
        }
        _sharedBytesAllowed = variant.SharedBytes <= SharedBytesWithoutAsking - _staticSharedBytes;
    }

    /// <summary>Its variant's.</summary>
    public string Name => _variant.Name;

    /// <param name="stream">Where it is queued.</param>
    /// <param name="grid">Blocks; an empty grid is no launch.</param>
    /// <param name="arguments">In the order of the signature.</param>
    /// <exception cref="CudaException">Names kernel, grid, shared bytes and the arguments.</exception>
    public void Launch(CudaStream stream, Grid grid, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0) return;
        if (!_sharedBytesAllowed) AllowSharedBytes();
        long* values = stackalloc long[arguments.Length];
        void** addresses = stackalloc void*[arguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i].Bits;
            addresses[i] = values + i;
        }
        CuResult result = Driver.cuLaunchKernel(
            _function, checked((uint)grid.X), (uint)grid.Y, (uint)grid.Z, (uint)_variant.Threads, 1, 1, (uint)_variant.SharedBytes, stream.Handle, addresses, null);
        if (result != CuResult.CUDA_SUCCESS) throw Failed(result, grid, arguments);
    }

    public void Dispose() => _module.Dispose();

    private void AllowSharedBytes()
    {
        int sharedBytes = _variant.SharedBytes, most = _device.SharedBytesOfBlock - _staticSharedBytes;
        if (sharedBytes > most)
            throw new PlatformNotSupportedException($"{_variant.Name} needs {sharedBytes:N0} bytes of dynamic shared memory a block, and {_device.Name} (sm_{_device.Architecture}) has {most:N0}");
        Driver.ThrowIfFailed(Driver.cuFuncSetAttribute(_function, CuFunctionAttribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes));
        _sharedBytesAllowed = true;
    }

    private Exception Failed(CuResult result, Grid grid, ReadOnlySpan<KernelArgument> arguments)
    {
        string[] texts = new string[arguments.Length];
        for (int i = 0; i < texts.Length; i++) texts[i] = arguments[i].ToString();
        return CudaException.For(result, $"launch of {_variant.Name}, grid {grid}, {_variant.Threads} threads, {_variant.SharedBytes:N0} shared bytes, arguments ({string.Join(", ", texts)})");
    }
}
