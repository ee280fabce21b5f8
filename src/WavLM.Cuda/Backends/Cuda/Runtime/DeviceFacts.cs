using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>What the driver says of a device before anyone uses it: no context is made, which would take memory on it.</summary>
/// <param name="Name">As NVIDIA sells it.</param>
/// <param name="Architecture">80 for sm_80.</param>
/// <param name="Multiprocessors">Of them.</param>
/// <param name="TotalBytes">Memory.</param>
internal sealed record DeviceFacts(string Name, int Architecture, int Multiprocessors, long TotalBytes)
{
    /// <summary>After cuInit.</summary>
    /// <exception cref="CudaException">There is no such device.</exception>
    public static DeviceFacts Of(int ordinal)
    {
        Driver.ThrowIfFailed(Driver.cuDeviceGet(out int device, ordinal));
        Driver.ThrowIfFailed(Driver.cuDeviceTotalMem_v2(out nuint bytes, device));
        return new(
            CudaDevice.NameOf(device),
            10 * Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
            Attribute(CuDeviceAttribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
            (long)bytes);

        int Attribute(CuDeviceAttribute attribute)
        {
            Driver.ThrowIfFailed(Driver.cuDeviceGetAttribute(out int value, attribute, device));
            return value;
        }
    }
}
