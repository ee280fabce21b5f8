using System.Globalization;

namespace WavLM.Cuda.AbiProbe;

internal static class Facts
{
    public static void Add(string name, object? value)
        => Console.WriteLine($"{name}\t{Convert.ToString(value, CultureInfo.InvariantCulture)?.ReplaceLineEndings(" ")}");

    /// <summary>Bytes of managed memory that a thousand calls allocate, once everything they need is compiled and bound.</summary>
    public static long AllocatedBy(Action call)
    {
        for (int warmup = 0; warmup < 100; warmup++) call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int calls = 0; calls < 1000; calls++) call();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
