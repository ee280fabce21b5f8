using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Runtime;

namespace WavLM.Cuda.Tests.Cuda;

/// <summary>
/// What the emulated device sees through the functions of common/ptx.cuh: lanes meet in one call of a kernel, not in the function, and
/// a report names the kernel's line. Each flawed line is the fourth of the kernel; whether it is flawed is a define.
/// </summary>
[Collection(EmulatedDevice.Collection)]
public sealed class PtxCallTests
{
    private const string Opening = """
        #include "common/half.cuh"
        extern "C" __global__ void kernel(const float4* x, float* y) { __shared__ alignas(16) float4 tile[32]; const int lane = threadIdx.x;
            unsigned r[4] = {}; float d[4] = {}; const bool flawed = FLAW && lane < 16; tile[lane] = x[lane]; __syncwarp();

        """;

    private const string Closing = """

            y[lane] = d[0] + r[0] + tile[lane].x;
        }
        """;

    [Theory]
    [InlineData("mma", "if (flawed) multiply_add<Float16>(d, r, 0, 0);\n else multiply_add<Float16>(d, r, 0, 0);", "waits in the exchange kernel.cu:4", "waits in the exchange kernel.cu:5")]
    [InlineData("mma of bfloat16", "if (!flawed) multiply_add<BFloat16>(d, r, 0, 0);", "waits in the exchange kernel.cu:4", "has ended")]
    [InlineData("ldmatrix", "if (flawed) load_matrix_x4(r, tile + lane);\n else load_matrix_x4(r, tile + lane);", "waits in the exchange kernel.cu:4", "waits in the exchange kernel.cu:5")]
    [InlineData("ldmatrix, transposed", "load_matrix_x4_transposed(r, (const char*)(tile + lane / 2) + 8 * flawed);", "misaligned access to a row of an ldmatrix at kernel.cu:4", "no multiple of 16")]
    [InlineData("cp.async", "copy_async_16(tile + lane, (const float*)x + flawed); copy_async_commit(); copy_async_wait<0>();", "misaligned access to the source of a cp.async at kernel.cu:4", "no multiple of 16")]
    [InlineData("cp.async or zeros", "copy_async_16_or_zeros(tile + lane, x + (flawed ? 10000000 : 0), true); copy_async_commit(); copy_async_wait<0>();", "illegal read of 16 bytes at kernel.cu:4", "no live allocation")]
    [InlineData("cp.async of a word", "copy_async_4(tile + lane, (const char*)x + flawed); copy_async_commit(); copy_async_wait<0>();", "misaligned access to the source of a cp.async at kernel.cu:4", "no multiple of 4")]
    public void A_flaw_is_reported_with_the_kernels_line(string what, string line, params string[] words)
    {
        Assert.Empty(ReportsOf(line, flaw: 0));
        string[] reports = ReportsOf(line, flaw: 1);
        Assert.True(reports.Any(report => words.All(word => report.Contains(word, StringComparison.Ordinal))), $"{what}: {string.Join('\n', reports)}");
    }

    private static string[] ReportsOf(string line, int flaw)
    {
        using DeviceSession session = new();
        using KernelCompiler compiler = new(new KernelSources(name => name == "kernel.cu" ? Opening + line + Closing : Header(name)), KernelCache.None, session.Device.Architecture, threads: 1);
        using Kernels kernels = new(session.Device, compiler);
        using Tensor x = session.Upload(new float[64 * 4], columns: 4), y = session.Memory.Rent(32, 32, 1, ElementType.Float32);
        Kernel kernel = kernels.Load(new("kernel.cu", "kernel", [$"FLAW={flaw}"], Threads: 32));
        try
        {
            kernel.Launch(session.Stream, new Grid(1), x, y);
            session.Stream.Synchronize();
        }
        catch (DeviceLostException)
        {
            // The reports say why.
        }
        return [.. EmulatedDevice.Reports()];
    }

    private static string? Header(string name)
    {
        using Stream? resource = typeof(KernelSources).Assembly.GetManifestResourceStream($"kernels/{name}");
        if (resource is null) return null;
        using StreamReader reader = new(resource);
        return reader.ReadToEnd();
    }
}
