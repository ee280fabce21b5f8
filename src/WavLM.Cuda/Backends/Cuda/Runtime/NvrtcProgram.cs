using System.Text;
using WavLM.Cuda.Backends.Cuda.Interop;

namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>One run of NVRTC.</summary>
internal static unsafe class NvrtcProgram
{
    /// <summary>A cubin, or PTX with its terminating zero.</summary>
    /// <param name="source">What is compiled.</param>
    /// <param name="options">The compiler's.</param>
    /// <param name="cubin">Whether the architecture among the options is a real one.</param>
    /// <param name="log">What the compiler has to say of a source that it takes: its warnings; mostly nothing.</param>
    /// <exception cref="KernelCompilationException">The compiler refused the source.</exception>
    public static byte[] Compile(KernelSource source, string[] options, bool cubin, out string log)
    {
        string[] headers = [.. source.Headers.Select(static header => header.Text)], names = [.. source.Headers.Select(static header => header.Name)];
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcCreateProgram(out NvrtcProgramHandle program, source.Text, source.File, headers.Length, headers, names));
        using (program)
        {
            NvrtcResult result = Nvrtc.nvrtcCompileProgram(program, options.Length, options);
            if (result == NvrtcResult.NVRTC_ERROR_COMPILATION)
                throw new KernelCompilationException($"NVRTC refused kernels/{source.File} with {string.Join(' ', options)}:\n{Log(program)}");
            Nvrtc.ThrowIfFailed(result, $"nvrtcCompileProgram of kernels/{source.File} with {string.Join(' ', options)}");
            log = Log(program);
            return cubin ? Cubin(program) : Ptx(program);
        }
    }

    private static byte[] Cubin(NvrtcProgramHandle program)
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetCUBINSize(program, out nuint bytes));
        byte[] cubin = new byte[bytes];
        fixed (byte* first = cubin) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetCUBIN(program, first));
        return cubin;
    }

    private static byte[] Ptx(NvrtcProgramHandle program)
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetPTXSize(program, out nuint bytes));
        byte[] ptx = new byte[bytes];
        fixed (byte* first = ptx) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetPTX(program, first));
        return ptx;
    }

    private static string Log(NvrtcProgramHandle program)
    {
        Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetProgramLogSize(program, out nuint bytes));
        byte[] log = new byte[bytes];
        fixed (byte* first = log) Nvrtc.ThrowIfFailed(Nvrtc.nvrtcGetProgramLog(program, first));
        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }
}
