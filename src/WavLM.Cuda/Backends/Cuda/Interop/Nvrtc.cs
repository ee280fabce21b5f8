using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cuda.Interop;

/// <summary>The functions of NVRTC, the run-time compiler, that the runtime calls (nvrtc.h). No device is needed, and any thread may call.</summary>
internal static unsafe partial class Nvrtc
{
    private const string Library = "nvrtc";   // a key for NativeLibraries, not a file name

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcVersion(out int major, out int minor);

    [LibraryImport(Library)]
    internal static partial byte* nvrtcGetErrorString(NvrtcResult result);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetNumSupportedArchs(out int count);

    /// <param name="architectures">Room for as many as nvrtcGetNumSupportedArchs says, ascending: 80 is compute_80.</param>
    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcCreateProgram(out NvrtcProgramHandle program, string source, string name, int headerCount, string[] headers, string[] includeNames);

    // The address of the handle, not the handle: NVRTC clears it.
    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcDestroyProgram(ref nint program);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcCompileProgram(NvrtcProgramHandle program, int optionCount, string[] options);

    /// <param name="program">Compiled, or refused.</param>
    /// <param name="bytes">With the terminating zero.</param>
    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetProgramLogSize(NvrtcProgramHandle program, out nuint bytes);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetProgramLog(NvrtcProgramHandle program, byte* log);

    /// <param name="program">Compiled.</param>
    /// <param name="bytes">0 unless the architecture was a real one (sm_80, not compute_80).</param>
    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetCUBINSize(NvrtcProgramHandle program, out nuint bytes);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetCUBIN(NvrtcProgramHandle program, byte* cubin);

    /// <param name="program">Compiled.</param>
    /// <param name="bytes">With the terminating zero.</param>
    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetPTXSize(NvrtcProgramHandle program, out nuint bytes);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetPTX(NvrtcProgramHandle program, byte* ptx);

    /// <exception cref="CudaException">With the code, NVRTC's text for it, and the call as it stands in the source.</exception>
    internal static void ThrowIfFailed(NvrtcResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != NvrtcResult.NVRTC_SUCCESS) throw CudaException.For(result, call);
    }

    /// <summary>NVRTC's own words for a code.</summary>
    internal static string TextOf(NvrtcResult result) => Marshal.PtrToStringUTF8((nint)nvrtcGetErrorString(result)) ?? result.ToString();
}
