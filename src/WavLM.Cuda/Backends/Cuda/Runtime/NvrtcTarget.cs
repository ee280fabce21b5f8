using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>What NVRTC compiles for.</summary>
/// <param name="Architecture">80 for sm_80 or compute_80.</param>
/// <param name="Cubin">Machine code, which no driver is too old for; else PTX, which the driver translates for a device that NVRTC does not know.</param>
internal readonly record struct NvrtcTarget(int Architecture, bool Cubin)
{
    public string Option => $"--gpu-architecture={(Cubin ? "sm" : "compute")}_{Architecture}";

    /// <exception cref="PlatformNotSupportedException">NVRTC has dropped a device as old as this.</exception>
    public static NvrtcTarget For(int device) => For(device, Supported());

    /// <param name="device">The device's architecture.</param>
    /// <param name="supported">What NVRTC knows.</param>
    public static NvrtcTarget For(int device, ReadOnlySpan<int> supported)
    {
        int newest = 0;
        foreach (int architecture in supported)
            if (architecture <= device) newest = Math.Max(newest, architecture);
        if (newest == 0)
            throw new PlatformNotSupportedException($"this NVRTC compiles for sm_{supported[0]} and newer, and the device is sm_{device}; an older CUDA toolkit's NVRTC knows it");
        return new NvrtcTarget(newest, Cubin: newest == device);
    }

    private static unsafe int[] Supported()
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetNumSupportedArchs(out int count));
        int[] architectures = new int[count];
        fixed (int* first = architectures) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetSupportedArchs(first));
        return architectures;
    }
}
