using System.CommandLine;
using WavLM.Cuda.Bench.Passes;

namespace WavLM.Cuda.Cli;

/// <summary>What the benchmarks of a model have in common.</summary>
internal sealed class BenchOptions
{
    private readonly Option<string> _model = new("--model") { Description = "The checkpoint; random weights, from wavlm init, take as long.", HelpName = "PATH", Required = true };
    private readonly Option<string> _device = new("--device") { Description = "Where to compute.", HelpName = "auto|cpu|cuda[:N]", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _precision = new("--precision") { Description = "Type of the matrix operands.", HelpName = "auto|fp32|fp16|bf16|int8", DefaultValueFactory = _ => "auto" };
    private readonly Option<int> _threads = new("--threads") { Description = "Threads that compute on the CPU.", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<string?> _json = new("--json") { Description = "Every single time, for wavlm bench compare and report.", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _model, _device, _precision, _threads, _json }) command.Add(option);
    }

    public BenchRequest Read(ParseResult parsed)
    {
        try
        {
            int threads = parsed.GetValue(_threads);
            if (threads < 1) throw new UsageException($"--threads {threads}: expected at least 1");
            return new(parsed.GetValue(_model)!, Device.Parse(parsed.GetValue(_device)!), Precisions.Parse(parsed.GetValue(_precision)!), threads, parsed.GetValue(_json));
        }
        catch (FormatException e)
        {
            throw new UsageException($"--{e.Message}");
        }
    }
}
