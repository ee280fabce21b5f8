using System.Globalization;
using System.Runtime.InteropServices;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Bench.Results;
using WavLM.Cuda.Native;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>What the system says of the machine.</summary>
internal static class MachineFacts
{
    private const string Threads = "/proc/self/task";

    /// <summary>UTC, ISO 8601.</summary>
    public static string Now => DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>This machine, as it is now.</summary>
    public static Machine Of(string device, string deviceSet, int threads, bool emulated) => new(device, deviceSet, Processor, threads)
    {
        Emulated = emulated,
        LoadAverage = LoadAverage,
        Version = typeof(MachineFacts).Assembly.GetName().Version?.ToString(3) ?? "",
    };

    /// <summary>The machine that an encoder computes on.</summary>
    public static Machine Of(SpeechEncoder encoder, int threads) => Of(
        encoder.Device.IsCuda ? DeviceFacts.Of(encoder.Device.Ordinal).Name : Processor, encoder.DeviceSet, threads,
        emulated: encoder.Device.IsCuda && CudaLibraries.Locate().Any(static found => found.Emulated));

    /// <summary>The processor's name.</summary>
    public static string Processor
        => Read("/proc/cpuinfo")?.Split('\n').FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>Programs that wanted to run in the last minute, on average; 0 where nobody knows.</summary>
    public static double LoadAverage
        => double.TryParse(Read("/proc/loadavg")?.Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double load) ? load : 0;

    /// <summary>Seconds that threads of this process could have run and had no processor, so far; 0 where nobody knows.</summary>
    public static double SecondsWaited
    {
        get
        {
            long nanoseconds = 0;
            foreach (string thread in Directory.Exists(Threads) ? Directory.GetDirectories(Threads) : [])
            {
                // Time on a processor, time in its queue, turns (Documentation/scheduler/sched-stats of the kernel). A thread may have ended meanwhile.
                if (Read(Path.Combine(thread, "schedstat"))?.Split(' ') is [_, string waited, ..]) nanoseconds += long.Parse(waited, CultureInfo.InvariantCulture);
            }
            return nanoseconds / 1e9;
        }
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
