using System.Text.RegularExpressions;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Bench.Operations;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Tests.Bench;

/// <summary>`wavlm bench kernels` on the emulated device: every kernel is reached, and none that computes something else is timed.</summary>
[Collection(EmulatedDevice.Collection)]
public sealed partial class KernelBenchmarksTests : IDisposable
{
    public KernelBenchmarksTests() => EmulatedDevice.Reset();

    public void Dispose() => EmulatedDevice.Reset();

    [Fact]
    public void Every_kernel_has_a_benchmark()
    {
        (BenchResults results, int failed) = Run(filter: null, [.. Precisions.OfCuda]);

        Assert.Equal(0, failed);
        Assert.Empty(EmulatedDevice.Reports());
        Assert.All(results.Measurements, static measurement => Assert.NotEmpty(measurement.Seconds));
        string[] launched = EmulatedDevice.Kernels(), written = [.. Sources().SelectMany(static file => Global().Matches(KernelSources.Embedded[file].Text).Select(static match => match.Groups[1].Value))];
        Assert.Equal(written.Order(StringComparer.Ordinal), launched.Order(StringComparer.Ordinal));
        IEnumerable<KernelVariant> registered = ModelKernels.Reductions.Concat(Precisions.OfCuda.SelectMany(static precision =>
            new[] { EncoderSizes.Base, EncoderSizes.Large }.SelectMany(config => ModelKernels.Of(config, precision.OperandType()))));
        Assert.Empty(registered.Select(static variant => variant.Entry).Except(launched));
    }

    [Fact]
    public void Names_and_cases_tell_measurements_apart_and_every_ceiling_that_they_name_is_measured()
    {
        (BenchResults results, _) = Run("^(layer_norm|linear|gated|normalize)", Precision.Float16);

        Assert.Equal(results.Measurements.Count, results.Measurements.Select(static measurement => measurement.Key).Distinct().Count());
        Assert.Equal(["copy", "gemm fp32", "gemm fp16"], results.Ceilings.Select(static ceiling => ceiling.Name));
        Assert.Empty(results.Measurements.Select(static measurement => measurement.Ceiling).OfType<string>().Except(results.Ceilings.Select(static ceiling => ceiling.Name)));
        Assert.True(results.Machine.Emulated);
        Assert.Contains(results.Notes, static note => note.Contains("emulated", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("waveform_statistics.cu", "= total;", "= 1.1 * total;", "normalize_waveform")]
    [InlineData("chunk_sums.cu", "sums[i] = sum;", "sums[i] = 1.5 * sum;", "normalize_waveform")]
    [InlineData("normalize_waveform.cu", " - mean) * scale", " + mean) * scale", "normalize_waveform")]
    [InlineData("group_norm_fold.cu", "window < windows;", "window < windows - 1;", "group_norm_fold")]
    [InlineData("group_norm_fold.cu", "share = 1.0 /", "share = 1.01 /", "group_norm_fold")]
    [InlineData("first_conv.cu", "x[row * S + k]", "x[row * S + K - 1 - k]", "first_conv")]
    [InlineData("gelu.cu", "first >= rows * C", "first >= (rows - 1) * C", "gelu")]
    [InlineData("compact.cu", "utterance.first_frame + frame)", "utterance.first_frame + utterance.frames - 1 - frame)", "compact")]
    [InlineData("layer_norm.cu", "row >= rows", "row >= rows - 1", "layer_norm")]
    [InlineData("layer_norm.cu", "constants[head], -1.0f", "constants[head], 1.0f", "layer_norm gates")]
    [InlineData("layer_norm.cu", "values.gelu();", "", "layer_norm conv")]
    [InlineData("positional_conv.cu", "tile.first - KERNEL / 2", "tile.first - KERNEL / 2 + 1", "positional_conv", "fp32")]
    [InlineData("positional_conv_tensor_cores.cu", "KERNEL / 2, frames, first_input", "KERNEL / 2 + 1, frames, first_input", "positional_conv")]
    [InlineData("gated_attention.cu", "gate[r] = gates", "gate[r] = 0.5f * gates", "gated_attention", "fp32")]
    [InlineData("gated_attention_tensor_cores.cu", "gate[row / 2][row % 2] = gates", "gate[row / 2][row % 2] = 0.5f * gates", "gated_attention")]
    [InlineData("weighted_sum.cu", "layer.w, before.w", "layer.w, before.z", "weighted_sum")]
    [InlineData("pool.cu", "sum.x / frames, sum.y / frames", "sum.y / frames, sum.x / frames", "pool")]
    [InlineData("pool.cu", "others = frames > 1 ? frames - 1 : 1", "others = frames", "pool deviation")]
    [InlineData("nearest_centroid.cu", "distance[r][c] < least[r]", "distance[r][c] > least[r] - 1.0f", "nearest_centroid")]
    public void A_kernel_that_computes_something_else_is_not_timed(string file, string text, string instead, string benchmark, string precision = "fp16")
    {
        string sound = KernelSources.Embedded[file].Text;
        Assert.Contains(text, sound);
        var broken = new KernelSources(name => name == file ? sound.Replace(text, instead, StringComparison.Ordinal) : TextOf(name));

        (BenchResults results, int failed) = Run($"^({benchmark}|linear qkv) tiny (base|large)", broken, Precisions.Parse(precision)!.Value);

        ILookup<bool, Measurement> isIt = results.Measurements.ToLookup(measurement => measurement.Name == benchmark);
        Assert.Equal(isIt[true].Count(), failed);
        Assert.NotEqual(0, failed);
        Assert.All(isIt[true], static measurement => Assert.StartsWith("wrong result: ", measurement.NotTimed));
        Assert.All(isIt[true], static measurement => Assert.Empty(measurement.Seconds));
        Assert.Equal(2, isIt[false].Count(static measurement => measurement.NotTimed is null && measurement.Seconds.Count > 0));
    }

    [Fact]
    public void A_kernel_that_does_not_compile_is_not_timed_and_the_others_are()
    {
        var broken = new KernelSources(static name => name == "pool.cu" ? "#error not today\n" : TextOf(name));

        (BenchResults results, int failed) = Run("^(pool|compact) tiny base", broken, Precision.Float16);

        Assert.Equal(1, failed);
        Assert.Contains("not today", Assert.Single(results.Measurements, static measurement => measurement.Name == "pool").NotTimed);
        Assert.NotEmpty(Assert.Single(results.Measurements, static measurement => measurement.Name == "compact").Seconds);
    }

    [Fact]
    public void Slowed_benchmarks_do_more_work_and_no_others_do()
    {
        long plain = Launches(slowed: null), slower = Launches("weighted_sum=3"), others = Launches("pool=3");

        // A sample, and one before it that does not count: two runs more in each.
        Assert.Equal(plain + 4, slower);
        Assert.Equal(plain, others);

        long Launches(string? slowed)
        {
            EmulatedDevice.ResetCounts();
            (BenchResults results, int failed) = Run("^weighted_sum tiny base", sources: null, slowed is null ? null : Slowed.Parse(slowed), Precision.Float32);
            Assert.Equal(0, failed);
            Assert.Equal(slowed is not null, results.Notes.Any(static note => note.Contains("on purpose", StringComparison.Ordinal)));
            return EmulatedDevice.Count("launches");
        }
    }

    private static (BenchResults Results, int Failed) Run(string? filter, params Precision[] precisions) => Run(filter, sources: null, slowed: null, precisions);

    private static (BenchResults Results, int Failed) Run(string? filter, KernelSources sources, Precision precision) => Run(filter, sources, slowed: null, precision);

    private static (BenchResults Results, int Failed) Run(string? filter, KernelSources? sources, Slowed? slowed, params Precision[] precisions)
    {
        OperationsRequest request = new() { Group = "kernels", Precisions = precisions, Filter = filter is null ? null : OperationsRequest.Pattern(filter), Slowed = slowed };
        using OperationsRun run = new(request, precision => new CudaBenchDevice(new CudaBackend(0, KernelCache.None, precision.OperandType(), sources: sources)), threads: 1);
        return (run.Run(), run.Failed);
    }

    private static string[] Sources() => [.. typeof(KernelSources).Assembly.GetManifestResourceNames()
        .Where(static name => name.StartsWith("kernels/", StringComparison.Ordinal) && name.EndsWith(".cu", StringComparison.Ordinal)).Select(static name => name["kernels/".Length..])];

    private static string? TextOf(string name)
    {
        using Stream? resource = typeof(KernelSources).Assembly.GetManifestResourceStream($"kernels/{name}");
        return resource is null ? null : new StreamReader(resource).ReadToEnd();
    }

    [GeneratedRegex(@"__global__ void __launch_bounds__\([^\n]*\)\s*(\w+)\(")]
    private static partial Regex Global();
}
