using System.Collections.Concurrent;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>Compiles variants as the product does and looks into what comes out.</summary>
/// <param name="Compiled">Every variant that could be compiled, in the given order, the architectures of each together.</param>
/// <param name="Findings">What must not be, in the same order.</param>
internal sealed record KernelsRun(IReadOnlyList<CompiledVariant> Compiled, IReadOnlyList<Finding> Findings)
{
    /// <param name="variants">What is compiled.</param>
    /// <param name="architectures">For which devices.</param>
    /// <param name="sources">The kernels.</param>
    /// <param name="cuobjdump">What looks into a cubin.</param>
    /// <param name="threads">Variants at a time.</param>
    public static KernelsRun Of(IReadOnlyList<CheckedVariant> variants, IReadOnlyList<Architecture> architectures, KernelSources sources, Cuobjdump cuobjdump, int threads)
    {
        // No cache: a kernel's warnings are told only when it is compiled.
        Dictionary<Architecture, KernelCompiler> compilers = architectures.ToDictionary(static architecture => architecture, architecture => new KernelCompiler(sources, KernelCache.None, architecture.Number, threads));
        try
        {
            var results = new (CompiledVariant? Compiled, Finding? Refusal)[variants.Count * architectures.Count];
            Parallel.ForEach(Partitioner.Create(0, results.Length, 1), new ParallelOptions { MaxDegreeOfParallelism = threads }, range =>
            {
                for (int i = range.Item1; i < range.Item2; i++)
                {
                    Architecture architecture = architectures[i % architectures.Count];
                    results[i] = Compile(variants[i / architectures.Count], architecture, compilers[architecture], cuobjdump);
                }
            });
            return new([.. results.Select(static result => result.Compiled).OfType<CompiledVariant>()],
                [.. results.SelectMany(static result => result.Compiled is null ? [result.Refusal!] : Requirements.Check(result.Compiled))]);
        }
        finally
        {
            foreach (KernelCompiler compiler in compilers.Values) compiler.Dispose();
        }
    }

    private static (CompiledVariant?, Finding?) Compile(CheckedVariant variant, Architecture architecture, KernelCompiler compiler, Cuobjdump cuobjdump)
    {
        string log = "";
        try
        {
            byte[] cubin = compiler.Compile(variant.Variant.File, variant.Variant.Defines, said => log = said).GetAwaiter().GetResult();
            return (new CompiledVariant(variant, architecture, cuobjdump.Dump(cubin), log), null);
        }
        catch (KernelCompilationException e)
        {
            return (null, new(FindingKind.Error, variant.Variant.Name, architecture, string.Join(' ', e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries)), "a kernel that compiles"));
        }
    }
}
