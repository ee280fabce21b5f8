using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.AbiProbe;

/// <summary>Without a GPU the driver loads, tells its version and its texts, and refuses the rest by code.</summary>
internal static unsafe class DriverProbe
{
    public static void Run()
    {
        Driver.ThrowIfFailed(Driver.cuDriverGetVersion(out int version));
        Facts.Add("cuda.version", version);
        // Asked before cuInit: afterwards a machine with a device would answer otherwise.
        Facts.Add("cuda.before_init", Driver.cuDeviceGetCount(out _));
        Facts.Add("cuda.init", Driver.cuInit(0));

        int named = 0, known = 0;
        List<string> otherNames = [];
        foreach (CuResult code in Enum.GetValues<CuResult>())
        {
            if (Driver.cuGetErrorName(code, out byte* name) != CuResult.CUDA_SUCCESS) continue;   // newer than this driver
            known++;
            string text = Marshal.PtrToStringUTF8((nint)name)!;
            if (text == code.ToString()) named++;
            else otherNames.Add($"{code}={text}");
        }
        Facts.Add("cuda.codes.known", known);
        Facts.Add("cuda.codes.named", named);
        Facts.Add("cuda.codes.other", string.Join(' ', otherNames));
        Facts.Add("cuda.text", Driver.TextOf(CuResult.CUDA_ERROR_ILLEGAL_ADDRESS));
        Facts.Add("cuda.text.unknown", Driver.TextOf((CuResult)54321));
        Facts.Add("cuda.lost", NvrtcProbe.ErrorOf(() => Driver.ThrowIfFailed(CuResult.CUDA_ERROR_ILLEGAL_ADDRESS)));
        Facts.Add("cuda.memory", NvrtcProbe.ErrorOf(() => Driver.ThrowIfFailed(CuResult.CUDA_ERROR_OUT_OF_MEMORY)));
        Facts.Add("cuda.call", NvrtcProbe.ErrorOf(() => Driver.ThrowIfFailed(Driver.cuDeviceGet(out _, 0))));

        // No object can be made without a device, but a refused call goes the same way through the bindings as one that works.
        using PrimaryContextHandle context = new(1, new PendingReleases(), _ => { });
        using StreamHandle stream = new(0, context);
        using MemPoolHandle pool = new(0, context);
        Facts.Add("cuda.launch", Driver.cuLaunchKernel(0, 1, 1, 1, 1, 1, 1, 0, stream, null, null));
        Facts.Add("cuda.launch.allocated", Facts.AllocatedBy(() => Driver.cuLaunchKernel(0, 1, 1, 1, 1, 1, 1, 0, stream, null, null)));
        Facts.Add("cuda.allocate.allocated", Facts.AllocatedBy(() => Driver.cuMemAllocFromPoolAsync(out _, 256, pool, stream)));
        Facts.Add("cuda.free.allocated", Facts.AllocatedBy(() => Driver.cuMemFreeAsync(0, stream)));
    }
}
