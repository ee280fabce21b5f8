using System.Diagnostics.CodeAnalysis;

namespace WavLM.Cuda.KernelsCheck;

/// <param name="Libraries">The folder of NVRTC, cuobjdump and nvdisasm.</param>
/// <param name="File">The README, or a list of variants.</param>
/// <param name="Others">Whether the file lists what is checked in place of the product's kernels.</param>
/// <param name="Compare">Whether the README is compared instead of written.</param>
/// <param name="Threads">Kernels at a time.</param>
internal sealed record Options(string Libraries, string File, bool Others, bool Compare, int Threads)
{
    public const string Usage = "usage: kernels-check LIBRARIES README [--check] [--threads N]\n       kernels-check LIBRARIES --variants FILE [--threads N]";

    public static bool TryParse(ReadOnlySpan<string> arguments, [NotNullWhen(true)] out Options? options)
    {
        options = null;
        List<string> places = [];
        bool others = false, compare = false;
        int threads = Environment.ProcessorCount;
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--check":
                    compare = true;
                    break;
                case "--variants":
                    others = true;
                    break;
                case "--threads":
                    if (++i == arguments.Length || !int.TryParse(arguments[i], out threads) || threads < 1) return false;
                    break;
                default:
                    places.Add(arguments[i]);
                    break;
            }
        }
        if (places is not [string libraries, string file] || others && compare) return false;
        options = new(Path.GetFullPath(libraries), file, others, compare, threads);
        return true;
    }
}
