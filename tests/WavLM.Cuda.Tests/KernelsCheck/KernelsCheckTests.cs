using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using WavLM.Cuda.Checks;
using WavLM.Cuda.KernelsCheck;
using Xunit.Abstractions;

namespace WavLM.Cuda.Tests.KernelsCheck;

/// <summary>The check as a program, with NVIDIA's own NVRTC: a process of its own, since this one has the emulated device.</summary>
public sealed class KernelsCheckTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4.5);
    private static readonly string[] Programs = ["libnvrtc.so.11.2", "cuobjdump", "nvdisasm"];
    private static readonly string Root = Path.Combine(Path.GetDirectoryName(Fixture.Root)!, "..");

    // Fine in float32; in half precision its name asks for tensor cores.
    private const string Fine = """
        extern "C" __global__ void gated_attention(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] * FACTOR; }
        """;

    private const string Unused = """
        extern "C" __global__ void unused(float* y) { int nobody; y[threadIdx.x] = 1.0f; }
        """;

    // Which of its 64 values is written is known at run time only: they lie in local memory.
    private const string Local = """
        extern "C" __global__ void local(const int* places, float* y)
        {
            float values[64];
            for (int i = 0; i < 64; i++) values[i] = y[i];
            for (int i = 0; i < 1000; i++) values[places[i]] += 1.0f;
            for (int i = 0; i < 64; i++) y[i] = values[i];
        }
        """;

    // 72 values at once, and 12 blocks of 128 threads leave each of them 40 registers.
    private const string Spilled = """
        extern "C" __global__ void __launch_bounds__(128, 12) spilled(const float* x, float* y)
        {
            float values[72];
            #pragma unroll
            for (int i = 0; i < 72; i++) values[i] = x[72 * threadIdx.x + i];
            __syncthreads();
            #pragma unroll
            for (int i = 0; i < 72; i++) y[72 * threadIdx.x + i] = values[71 - i];
        }
        """;

    private const string Shared = """
        extern __shared__ float dynamic[];
        extern "C" __global__ void shared(float* y)
        {
            __shared__ float fixed[10000];
            fixed[threadIdx.x] = dynamic[threadIdx.x] = y[threadIdx.x];
            __syncthreads();
            y[threadIdx.x] = fixed[127 - threadIdx.x] + dynamic[127 - threadIdx.x];
        }
        """;

    // Bounds of 128 threads, launched with 1,024.
    private const string Wide = """
        extern "C" __global__ void __launch_bounds__(128) wide(const float* x, float* y)
        {
            float values[96];
            #pragma unroll
            for (int i = 0; i < 96; i++) values[i] = x[96 * threadIdx.x + i];
            __syncthreads();
            #pragma unroll
            for (int i = 0; i < 96; i++) y[96 * threadIdx.x + i] = values[95 - i];
        }
        """;

    // Two floats a thread, each in a store of its own.
    private const string Narrow = """
        extern "C" __global__ void compact(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; y[threadIdx.x + 999] = x[threadIdx.x + 5]; }
        """;

    private const string Refused = """
        extern "C" __global__ void refused(float* y) { y[0] = nowhere; }
        """;

    private static string Libraries
    {
        get
        {
            string folder = Path.Combine(Root, "artifacts", "abi");
            string? missing = Programs.FirstOrDefault(file => !File.Exists(Path.Combine(folder, file)));
            Needed.Present(missing is null, $"no {missing} in artifacts/abi: tests/abi/fetch.sh could not get it, or was not run (make kernels-check)");
            return folder;
        }
    }

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Every_kernel_of_a_published_model_is_clean_on_every_architecture_and_the_readme_says_what_came_out()
    {
        (int code, string[] lines) = Run(Libraries, Path.Combine(Root, "kernels", "README.md"), "--check", "--threads", "2");
        Assert.Matches("^[1-9][0-9]+ kernels on 4 architectures: 0 errors, 0 warnings, 0 spills$", lines[^1]);
        Assert.Equal(0, code);
    }

    [SkippableFact]
    public void What_must_not_be_is_told_a_line_each_with_kernel_architecture_and_what_was_found()
    {
        // 40,000 bytes of static and 62,000 of dynamic shared memory: more than 99 KB only together.
        string list = Write(
            (Fine, new("", "gated_attention", ["FACTOR=2"], 128)), (Fine, new("", "gated_attention", ["FACTOR=3"], 128, Half: true)), (Unused, new("", "unused", [], 128)),
            (Local, new("", "local", [], 128)), (Spilled, new("", "spilled", [], 128)), (Shared, new("", "shared", [], 128, SharedBytes: 62_000)),
            (Wide, new("", "wide", [], 1024)), (Narrow, new("", "compact", [], 128)), (Refused, new("", "refused", [], 128)));
        (int code, string[] lines) = Run(Libraries, "--variants", list, "--threads", "2");
        Assert.Equal(1, code);

        string[] findings = [.. lines.Where(line => line.StartsWith("error: ") || line.StartsWith("warning: ") || line.StartsWith("spill: "))];
        string[] all = ["sm_80", "sm_86", "sm_89", "sm_90"];
        AssertFound(all, "error", "gated_attention <FACTOR=3>", "no HMMA; expected some in half precision");
        AssertFound(all, "error", "gated_attention <FACTOR=3>", "no LDGSTS; expected some in half precision");
        AssertFound(all, "warning", "unused", """unused.cu(1): warning #177-D: variable "nobody" was declared but never referenced; expected nothing to say""");
        AssertFound(all, "spill", "local", "[1-9][0-9]* LDL, [1-9][0-9]* STL and 256 bytes of stack in local; expected none", isPattern: true);
        AssertFound(all, "spill", "spilled", "[1-9][0-9]* LDL, [1-9][0-9]* STL and [1-9][0-9]* bytes of stack in spilled; expected none", isPattern: true);
        AssertFound(["sm_86", "sm_89"], "error", "shared", "102,000 bytes of shared memory; expected at most 101,376");
        AssertFound(all, "error", "wide", "no block of 1024 threads with [0-9]+ registers fits; expected one or more", isPattern: true);
        AssertFound(all, "error", "compact", "2 stores of less than 16 bytes; expected at most 1");
        AssertFound(all, "error", "refused", """NVRTC refused kernels/refused.cu with .* error: identifier "nowhere" is undefined .*; expected a kernel that compiles""", isPattern: true);
        Assert.Equal(4 * 8 + 2, findings.Length);
        Assert.Equal("9 kernels on 4 architectures: 22 errors, 4 warnings, 8 spills", lines[^1]);

        void AssertFound(string[] architectures, string kind, string kernel, string found, bool isPattern = false)
        {
            foreach (string architecture in all)
            {
                string prefix = $"{kind}: {kernel}, {architecture}: ";
                bool there = findings.Any(line => line.StartsWith(prefix) && (isPattern ? Regex.IsMatch(line[prefix.Length..], $"^{found}$") : line[prefix.Length..] == found));
                Assert.True(there == architectures.Contains(architecture), $"{(there ? "told" : "not told")}: {prefix}{found}");
            }
        }
    }

    [SkippableFact]
    public void Kernels_that_are_clean_are_counted_and_nothing_is_told()
    {
        (int code, string[] lines) = Run(Libraries, "--variants", Write((Fine, new("", "gated_attention", ["FACTOR=2"], 128))));
        Assert.Equal("1 kernels on 4 architectures: 0 errors, 0 warnings, 0 spills", lines[^1]);
        Assert.Equal(0, code);
    }

    [SkippableFact]
    public void A_spill_alone_is_a_failure()
    {
        (int code, string[] lines) = Run(Libraries, "--variants", Write((Spilled, new("", "spilled", [], 128))));
        Assert.Equal("1 kernels on 4 architectures: 0 errors, 0 warnings, 4 spills", lines[^1]);
        Assert.Equal(1, code);
    }

    [SkippableFact]
    public void A_folder_without_the_programs_is_named()
    {
        _ = Libraries;
        (int code, string[] lines) = Run(_folder.Path, Path.Combine(Root, "kernels", "README.md"));
        Assert.Equal([$"kernels-check: no cuobjdump in {_folder.Path}; tests/abi/fetch.sh gets it from Debian's mirror"], lines);
        Assert.Equal(1, code);
    }

    private string Write(params (string Source, OtherVariants.Description Variant)[] kernels)
    {
        foreach ((string source, OtherVariants.Description variant) in kernels) File.WriteAllText(_folder.File($"{variant.Entry}.cu"), source);
        string list = _folder.File("variants.json");
        File.WriteAllText(list, JsonSerializer.Serialize(kernels.Select(kernel => kernel.Variant with { File = $"{kernel.Variant.Entry}.cu" }), JsonSerializerOptions.Web));
        return list;
    }

    private (int Code, string[] Lines) Run(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "WavLM.Cuda.KernelsCheck.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> said = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"the check is not done after {Patience}: {said.Result}{error.Result}");
        }
        string all = said.Result + error.Result;
        output.WriteLine(all);
        return (process.ExitCode, all.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
