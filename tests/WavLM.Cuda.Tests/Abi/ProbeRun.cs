using System.Diagnostics;

namespace WavLM.Cuda.Tests.Abi;

/// <summary>The probe's answers about the libraries of a folder, from a process of its own: one process, one CUDA.</summary>
internal sealed class ProbeRun
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly Dictionary<string, string> _facts;

    private ProbeRun(Dictionary<string, string> facts) => _facts = facts;

    public string this[string fact] => _facts.TryGetValue(fact, out string? value) ? value : throw new KeyNotFoundException($"the probe said nothing of {fact}");

    public IEnumerable<(string Name, string Value)> Below(string prefix) => _facts.Where(fact => fact.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(fact => (fact.Key, fact.Value));

    public override string ToString() => string.Join('\n', _facts.Select(fact => $"{fact.Key} = {fact.Value}"));

    public static ProbeRun On(string folder, params string[] arguments)
    {
        string probe = Path.Combine(AppContext.BaseDirectory, "WavLM.Cuda.AbiProbe.dll");
        ProcessStartInfo start = new("dotnet", ["exec", probe, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WAVLM_CUDA_PATH"] = folder;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"the probe is not done after {Patience}: {output.Result}{error.Result}");
        }
        Assert.True(process.ExitCode == 0, $"the probe ended with {process.ExitCode}: {output.Result}{error.Result}");
        return new(output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t', 2)).ToDictionary(fact => fact[0], fact => fact[1]));
    }
}
