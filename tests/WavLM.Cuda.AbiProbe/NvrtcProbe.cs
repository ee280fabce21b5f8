using System.Text;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.AbiProbe;

/// <summary>The compiler needs no device: all of its bindings are called.</summary>
internal static unsafe class NvrtcProbe
{
    private const string Header = "__device__ inline float twice(float x) { return x + x; }";
    private const string Kernel = "#include \"common/twice.cuh\"\nextern \"C\" __global__ void scale(float* x, float by) { x[threadIdx.x] = twice(x[threadIdx.x]) * by * FACTOR; }";

    public static void Run()
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcVersion(out int major, out int minor));
        Facts.Add("nvrtc.version", $"{major}.{minor}");
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetNumSupportedArchs(out int count));
        int[] architectures = new int[count];
        fixed (int* first = architectures) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetSupportedArchs(first));
        Facts.Add("nvrtc.architectures", string.Join(' ', architectures));
        Facts.Add("nvrtc.text", Nvrtc.TextOf(NvrtcResult.NVRTC_ERROR_INVALID_OPTION));

        foreach (string architecture in new[] { "sm_80", "sm_86", "compute_80" })
        {
            using NvrtcProgramHandle program = Program(Kernel);
            Facts.Add($"nvrtc.{architecture}.result", Nvrtc.nvrtcCompileProgram(program, 2, [$"--gpu-architecture={architecture}", "-DFACTOR=3.0f"]));
            Facts.Add($"nvrtc.{architecture}.log", Log(program));
            Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetCUBINSize(program, out nuint cubinBytes));
            byte[] cubin = new byte[(int)cubinBytes];
            fixed (byte* first = cubin)
            {
                if (cubinBytes > 0) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetCUBIN(program, first));
            }
            Facts.Add($"nvrtc.{architecture}.cubin", Convert.ToHexString(cubin.AsSpan(0, Math.Min(4, cubin.Length))));
            Facts.Add($"nvrtc.{architecture}.cubin.has_kernel", cubin.AsSpan().IndexOf("scale"u8) >= 0);
            Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetPTXSize(program, out nuint ptxBytes));
            byte[] ptx = new byte[(int)ptxBytes];
            fixed (byte* first = ptx) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetPTX(program, first));
            Facts.Add($"nvrtc.{architecture}.ptx", Encoding.UTF8.GetString(ptx).Split('\n').FirstOrDefault(line => line.Contains(".target")));
        }

        using NvrtcProgramHandle broken = Program("extern \"C\" __global__ void broken() { int x = nowhere; }");
        NvrtcResult result = Nvrtc.nvrtcCompileProgram(broken, 1, ["--gpu-architecture=sm_80"]);
        Facts.Add("nvrtc.broken.result", result);
        Facts.Add("nvrtc.broken.log", Log(broken));
        Facts.Add("nvrtc.broken.error", ErrorOf(() => Nvrtc.ThrowIfFailed(result)));
        Facts.Add("nvrtc.option.result", Nvrtc.nvrtcCompileProgram(broken, 1, ["--no-such-option"]));
    }

    private static NvrtcProgramHandle Program(string source)
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcCreateProgram(out NvrtcProgramHandle program, source, "kernels/probe.cu", 1, [Header], ["common/twice.cuh"]));
        return program;
    }

    private static string Log(NvrtcProgramHandle program)
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetProgramLogSize(program, out nuint bytes));
        byte[] log = new byte[(int)bytes];
        fixed (byte* first = log) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetProgramLog(program, first));
        return Encoding.UTF8.GetString(log).TrimEnd('\0');
    }

    internal static string ErrorOf(Action call)
    {
        try
        {
            call();
            return "none";
        }
        catch (Exception e) when (e is CudaException or DeviceMemoryException or DeviceLostException)
        {
            return $"{e.GetType().Name} {e.InnerException?.GetType().Name} {e.Message}";
        }
    }
}
