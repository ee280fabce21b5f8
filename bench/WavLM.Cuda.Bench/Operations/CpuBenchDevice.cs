using System.Globalization;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>The CPU.</summary>
internal sealed unsafe class CpuBenchDevice(CpuBackend backend) : BenchDevice(backend)
{
    // All bits set are a NaN in every type.
    private const byte NotANumber = 0xFF;

    private const long UsualCoreBytes = 1 << 20, UsualSharedBytes = 32 << 20;   // where the system says nothing

    public override string Name => MachineFacts.Processor;

    /// <summary>
    /// Beyond the cores' own caches, inside the one that they share, where an operation of a pass finds what the one before it wrote. In a core's own it would be
    /// found or not by where its pages happen to lie; and in memory, the times of one build are up to 45 % apart on a machine that others share.
    /// </summary>
    public override long RotatedBytes { get; } = (long)Math.Sqrt((double)backend.Workers.Count * CacheBytes(level: 2, UsualCoreBytes) * CacheBytes(level: 3, UsualSharedBytes));

    public override long MemoryBudget => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>Shorter than a turn of the system's scheduler: where others want the processor, some samples have it to themselves.</summary>
    public override double SecondsOfSample => 3e-3;

    public override double? SecondsWaited => MachineFacts.SecondsWaited;

    public override void Poison(Tensor tensor)
    {
        for (long done = 0; done < tensor.Bytes; done += int.MaxValue)
            new Span<byte>((byte*)tensor.Address + done, (int)Math.Min(int.MaxValue, tensor.Bytes - done)).Fill(NotANumber);
    }

    public override void Write(ReadOnlySpan<byte> from, Tensor tensor)
    {
        if (from.Length > tensor.Bytes) throw new ArgumentException($"{from.Length:N0} bytes for a tensor of {tensor.Bytes:N0}", nameof(from));
        from.CopyTo(new Span<byte>((void*)tensor.Address, from.Length));
    }

    public override void Read(Tensor tensor, Span<byte> to) => new ReadOnlySpan<byte>((void*)tensor.Address, to.Length).CopyTo(to);

    /// <summary>On all threads, a stretch each.</summary>
    public override void Copy(Tensor source, Tensor destination, long bytes)
    {
        int parts = backend.Workers.Count;
        (nint from, nint to) = (source.Address, destination.Address);
        backend.Workers.For(parts, (_, part) =>
        {
            long begin = bytes * part / parts, count = bytes * (part + 1) / parts - begin;
            Buffer.MemoryCopy((byte*)from + begin, (byte*)to + begin, count, count);
        });
    }

    public override IRecord? Record(Action operations) => null;

    public override void Trim() => backend.Memory.Trim();

    private static long CacheBytes(int level, long usual)
    {
        try
        {
            string size = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/sys/devices/system/cpu/cpu0/cache/index{level}/size")).Trim();
            return size.EndsWith('K') && long.TryParse(size.AsSpan(0, size.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes << 10 : usual;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return usual;
        }
    }
}
