using System.Text.RegularExpressions;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>
/// Each barrier of each kernel taken out, one at a time. What the kernel then computes says nothing: it is wrong only where threads
/// happen to run in a bad order. The device itself must see that two accesses are no longer ordered.
/// </summary>
[Collection(EmulatedDevice.Collection)]
public sealed partial class BarrierTests : IDisposable
{
    // A kernel's first checks are its smallest; one of these few meets every barrier.
    private const int MostChecks = 8;

    // What a kernel's name ends in where half precisions have one of their own; its checks are the operation's.
    private const string TensorCores = "_tensor_cores";

    public BarrierTests() => EmulatedDevice.Reset();

    /// <summary>File, line, barrier, and when a cp.async lands: late unless "early", which is another race.</summary>
    public static TheoryData<string, int, string, string> Barriers
    {
        get
        {
            TheoryData<string, int, string, string> cases = [];
            foreach (string file in Files())
            {
                bool copies = CopyAsync().IsMatch(Code(file));
                foreach ((int line, string barrier) in BarriersOf(file))
                {
                    cases.Add(file, line, barrier, "late");
                    if (copies) cases.Add(file, line, barrier, "early");
                }
            }
            return cases;
        }
    }

    public void Dispose() => EmulatedDevice.Reset();

    [Theory]
    [MemberData(nameof(Barriers))]
    public void Without_it_the_device_reports_what_is_no_longer_ordered(string file, int line, string barrier, string copies)
    {
        EmulatedDevice.SetCopyAsync(early: copies == "early");
        EmulatedDevice.SkipBarrier(file, line);
        (Check? check, string[] reports) = ChecksThatUse(file).Take(MostChecks).Select(static check => (check, Reports(check))).FirstOrDefault(static run => run.Item2 is not []);
        Assert.True(check is not null, $"{file}:{line}: nobody misses this {barrier}");
        // The access may stand in what the source calls: a wide load or store, the twin of an instruction.
        Assert.Contains(reports, report => Regex.IsMatch(report, $@"(race: .* and nothing orders the two|never written|cp\.async is still under way to).* at ({Regex.Escape(file)}|common/\w+\.cuh|prelude\.h):\d+"));

        EmulatedDevice.Reset();
        EmulatedDevice.SetCopyAsync(early: copies == "early");
        using CheckedDevice whole = CheckedDevice.Named("cuda");
        check.Run(whole);
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Fact]
    public void Barriers_are_found_in_code_and_not_in_comments()
    {
        Assert.Equal(
            [(2, "__syncthreads"), (4, "__syncwarp"), (5, "__syncthreads")],
            BarriersIn("// __syncthreads();\n__syncthreads();   // __syncwarp()\n/* __syncthreads();\n*/ __syncwarp (mask);\nif (a) __syncthreads();\n__shfl_xor_sync(m, x, 1);\n"));
        Assert.NotEmpty(Barriers);
    }

    /// <summary>What the device reports when a check runs on it; whether the check itself sees a difference is of no interest.</summary>
    private static string[] Reports(Check check)
    {
        using CheckedDevice device = CheckedDevice.Named("cuda");
        try
        {
            check.Run(device);
        }
#pragma warning disable CA1031 // a lost device, a wrong value, tensors that were not given back: all follow from the barrier
        catch (Exception)
#pragma warning restore CA1031
        {
        }
        return EmulatedDevice.Reports();
    }

    /// <summary>The checks of the operations that a source, or a header through its users, computes.</summary>
    private static IEnumerable<Check> ChecksThatUse(string file)
    {
        IEnumerable<string> sources = Files().Where(source => source == file || (IsSource(source) && KernelSources.Embedded[source].Headers.Any(header => header.Name == file))).Where(IsSource);
        return sources.SelectMany(static source => CheckList.All.Where(check => check.Precision == PrecisionOf(source) && check.Name.StartsWith(Checked(source) + " ", StringComparison.Ordinal)));
    }

    private static Precision PrecisionOf(string source) => OnTensorCores(source) ? Precision.BFloat16 : Precision.Float32;

    /// <summary>Takes half operands alone; the same operation in float32 is another source.</summary>
    private static bool OnTensorCores(string source) => source.EndsWith(TensorCores + ".cu", StringComparison.Ordinal);

    /// <summary>An operation's checks bear its name; parts of one are checked through it.</summary>
    private static string Checked(string source) => Path.GetFileNameWithoutExtension(source) switch
    {
        var operation when OnTensorCores(source) => operation[..^TensorCores.Length],
        "waveform_statistics" => "normalize_waveforms",
        "group_norm_fold" => "first_conv fold_group_norm",
        "layer_norm" => "layer_norm gates",   // without them lanes have nothing to tell each other but by shuffles
        var operation => operation,
    };

    private static bool IsSource(string file) => file.EndsWith(".cu", StringComparison.Ordinal);

    private static string[] Files() => [.. typeof(KernelSources).Assembly.GetManifestResourceNames()
        .Where(static name => name.StartsWith("kernels/", StringComparison.Ordinal)).Select(static name => name["kernels/".Length..]).Order(StringComparer.Ordinal)];

    private static IEnumerable<(int Line, string Barrier)> BarriersOf(string file) => BarriersIn(Code(file));

    private static IEnumerable<(int Line, string Barrier)> BarriersIn(string text)
    {
        string code = WithoutComments(text);
        return Barrier().Matches(code).Select(match => (1 + code.AsSpan(0, match.Index).Count('\n'), match.Groups[1].Value));
    }

    private static string Code(string file)
    {
        using StreamReader reader = new(typeof(KernelSources).Assembly.GetManifestResourceStream($"kernels/{file}")!);
        return WithoutComments(reader.ReadToEnd());
    }

    private static string WithoutComments(string text) => Comment().Replace(text, static comment => new string('\n', comment.Value.Count(static c => c == '\n')));

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\b(__sync\w+)\s*\(")]
    private static partial Regex Barrier();

    [GeneratedRegex(@"\bcopy_async_\d+\s*\(")]
    private static partial Regex CopyAsync();
}
