using System.Diagnostics;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.KernelsCheck;

// Every kernel that a published model launches, through NVIDIA's own compiler for every architecture; no GPU is needed. What was found
// is written into kernels/README.md, between its markers; with --check it must be there already.
if (!Options.TryParse(args, out Options? options))
{
    Console.Error.WriteLine(Options.Usage);
    return 2;
}
var cuobjdump = new Cuobjdump(options.Libraries);
if (cuobjdump.Missing is { } missing)
{
    Console.Error.WriteLine($"kernels-check: no {missing} in {options.Libraries}; tests/abi/fetch.sh gets it from Debian's mirror");
    return 1;
}
Environment.SetEnvironmentVariable("WAVLM_CUDA_PATH", options.Libraries);

long started = Stopwatch.GetTimestamp();
(IReadOnlyList<CheckedVariant> variants, KernelSources sources) = options.Others
    ? OtherVariants.Read(options.File)
    : (CheckedVariant.Of([.. PublishedModel.WavLM, .. PublishedModel.Relatives]), KernelSources.Embedded);
KernelsRun run = KernelsRun.Of(variants, Architecture.All, sources, cuobjdump, options.Threads);
Console.Write(ConsoleTable.Of(run));
string compiler = NvrtcIdentity.OfLoaded().Version;
Console.WriteLine($"NVRTC {compiler}, {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s on {options.Threads} threads");
foreach (Finding finding in run.Findings) Console.WriteLine(finding);

int errors = Of(FindingKind.Error);
if (!options.Others && run.Findings.Count == 0)
{
    var section = new ReadmeSection(options.File);
    string text = CompiledTable.Of(run.Compiled, compiler, Summary()) + LeastTimeTable.Text;
    if (!options.Compare)
    {
        section.Write(text);
    }
    else if (section.Text != text)
    {
        Console.WriteLine($"error: {options.File} does not say what came out; make kernels-check writes it");
        errors++;
    }
}
else if (!options.Others)
{
    Console.WriteLine($"{options.File} is left as it is");
}
Console.WriteLine(Summary());
return errors == 0 && run.Findings.Count == 0 ? 0 : 1;

string Summary() => $"{variants.Count} kernels on {Architecture.All.Count} architectures: {errors} errors, {Of(FindingKind.Warning)} warnings, {Of(FindingKind.Spill)} spills";

int Of(FindingKind kind) => run.Findings.Count(finding => finding.Kind == kind);
