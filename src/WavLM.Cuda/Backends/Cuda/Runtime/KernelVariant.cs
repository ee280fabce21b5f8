namespace WavLM.Cuda.Backends.Cuda.Runtime;

/// <summary>An entry point compiled for one set of sizes and types, and how a block of it is launched.</summary>
/// <param name="File">The source, below kernels/.</param>
/// <param name="Entry">The entry point.</param>
/// <param name="Defines">As NAME or NAME=VALUE.</param>
/// <param name="Threads">Threads a block.</param>
/// <param name="SharedBytes">Dynamic shared memory a block.</param>
internal sealed record KernelVariant(string File, string Entry, string[] Defines, int Threads, int SharedBytes = 0)
{
    /// <summary>Entry point and defines: what tells it from all others.</summary>
    public string Name { get; } = Defines.Length == 0 ? Entry : $"{Entry} <{string.Join(' ', Defines)}>";
}
