using System.Runtime.InteropServices;

namespace WavLM.Cuda.Backends.Cpu.Interop;

/// <summary>The OpenMP runtime that oneDNN was built with.</summary>
internal static partial class OpenMp
{
    /// <summary>Threads of parallel regions that the calling thread starts. The setting belongs to the calling thread alone.</summary>
    [LibraryImport("gomp")]
    internal static partial void omp_set_num_threads(int threads);
}
