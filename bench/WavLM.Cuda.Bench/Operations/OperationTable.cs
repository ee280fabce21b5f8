using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>Every benchmark of a kernel, a product or an operation: the forward pass of each model under each load, in its order.</summary>
internal static class OperationTable
{
    // Frames at which others' attention is timed, too; see bench/peers.
    private static readonly int[] AttentionFrames = [1000, 2000, 4000];
    private const int AttentionUtterances = 16;

    private static readonly (int Utterances, double Seconds)[] OnGpu = [(1, 10), (64, 15)];
    private static readonly (int Utterances, double Seconds)[] AllOnGpu =
        [.. new[] { 1, 4, 16, 64 }.SelectMany(static _ => new[] { 1.0, 10, 15, 60 }, static (utterances, seconds) => (utterances, seconds))];
    private static readonly (int Utterances, double Seconds)[] OnCpu = [(1, 10)];
    private static readonly (int Utterances, double Seconds)[] AllOnCpu = [(1, 1), (1, 10), (1, 60), (8, 15)];

    /// <summary>The benchmarks of a device in its precision.</summary>
    public static IEnumerable<Operation> Of(BenchDevice device, Shapes shapes)
    {
        if (device.Emulated) return [.. ModelsOf(device).SelectMany(model => Of(device.Backend, Workload.OfSeconds(model.Name, model.Config, 2, 0.1)))];
        bool gpu = device.Backend is CudaBackend;
        if (shapes == Shapes.Small) return [.. Of(device.Backend, LoadOf(Workload.Models[0], (1, 1)))];
        IEnumerable<(int, double)> loads = shapes == Shapes.All ? gpu ? AllOnGpu : AllOnCpu : gpu ? OnGpu : OnCpu;
        IEnumerable<Operation> passes = Workload.Models.SelectMany(model => loads.SelectMany(load => Of(device.Backend, LoadOf(model, load))));
        return gpu ? passes.Concat(Attention(device.Backend)) : passes;
    }

    /// <summary>Begins to compile what the benchmarks of a device launch.</summary>
    public static void Prepare(BenchDevice device)
    {
        foreach ((_, EncoderConfig config) in ModelsOf(device)) device.Backend.Prepare(config);
    }

    private static IReadOnlyList<(string Name, EncoderConfig Config)> ModelsOf(BenchDevice device) => device.Emulated ? Workload.TinyModels : Workload.Models;

    /// <summary>What a model runs for a batch.</summary>
    public static IEnumerable<Operation> Of(IBackend backend, Workload load)
        => [.. WaveformOperations.Of(backend, load), .. FrontEndOperations.Of(backend, load), .. MatrixOperations.Of(backend, load), .. ElementOperations.Of(backend, load)];

    private static IEnumerable<Operation> Attention(IBackend backend) => Workload.Models.SelectMany(_ => AttentionFrames, (model, frames)
        => MatrixOperations.GatedAttention(Workload.OfFrames(model.Name, model.Config, AttentionUtterances, frames), backend.OperandType));

    private static Workload LoadOf((string Name, EncoderConfig Config) model, (int Utterances, double Seconds) load) => Workload.OfSeconds(model.Name, model.Config, load.Utterances, load.Seconds);
}
