using System.Diagnostics;

namespace WavLM.Cuda.KernelsCheck;

/// <summary>NVIDIA's program that shows what is in a cubin. It needs nvdisasm beside it, and no GPU.</summary>
/// <param name="folder">Where both are.</param>
internal sealed class Cuobjdump(string folder)
{
    private const string Name = "cuobjdump", Disassembler = "nvdisasm";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>What is missing in the folder; null when nothing is.</summary>
    public string? Missing => new[] { Name, Disassembler }.FirstOrDefault(program => !File.Exists(Path.Combine(folder, program)));

    /// <summary>Every function of a cubin.</summary>
    /// <exception cref="InvalidOperationException">cuobjdump failed; the message holds what it said.</exception>
    public IReadOnlyDictionary<string, FunctionDump> Dump(byte[] cubin)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, cubin);
            ProcessStartInfo start = new(Path.Combine(folder, Name), ["--dump-resource-usage", "--dump-sass", file]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["NVDISASM_PATH"] = folder;
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                throw new InvalidOperationException($"{Name} is not done after {Patience}");
            }
            if (process.ExitCode != 0) throw new InvalidOperationException($"{Name} ended with {process.ExitCode}: {error.Result}{output.Result}");
            return CubinDump.Parse(output.Result);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
