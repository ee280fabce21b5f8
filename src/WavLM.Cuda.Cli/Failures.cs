using System.Reflection;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.Extraction;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Cli;

/// <summary>What the user is told when a command ends before it began.</summary>
internal static class Failures
{
    /// <summary>Errors that were foreseen speak for themselves. Of the others their kind and place help whoever looks into them.</summary>
    public static string Describe(Exception e) => e switch
    {
        UsageException or BenchException or ExtractionException or CheckpointException or NativeLibraryException or PlatformNotSupportedException
            or DeviceMemoryException or DeviceLostException or DeviceException => e.Message,
        TypeInitializationException or TargetInvocationException or AggregateException { InnerExceptions.Count: 1 } when e.InnerException is not null => Describe(e.InnerException),
        OutOfMemoryException => "out of memory; use a smaller --batch-seconds, fewer --layers or shorter recordings",
        _ => $"unexpected {e.GetType().Name}: {e.Message}{Environment.NewLine}{e.StackTrace}",
    };
}
