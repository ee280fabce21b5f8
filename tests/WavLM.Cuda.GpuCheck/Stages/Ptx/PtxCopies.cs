using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>cp.async: which bytes arrive where, and that a wait is for the groups that it says; and 16 bytes in one store.</summary>
internal static class PtxCopies
{
    private const int Blocks = 257, Groups = 3;

    public static void Try(PtxBench bench)
    {
        InGroups(bench);
        OrZeros(bench);
        Words(bench);
        Stores(bench);
    }

    private static void InGroups(PtxBench bench)
    {
        const int Rows = Blocks * Groups * PtxBench.Threads;
        UInt128[] x = Packs(Rows, seed: 1);
        using Tensor source = bench.Place(x), copied = bench.Rent<UInt128>(Rows);
        bench.Launch("copy_async", Blocks * PtxBench.Threads, source, copied);
        UInt128[] y = bench.Read<UInt128>(copied, Rows);

        bench.Compare("copy_async_16, copy_async_commit, copy_async_wait", "copies of 16 bytes", Rows, row =>
        {
            int group = row / PtxBench.Threads % Groups, thread = row % PtxBench.Threads;
            int from = group == Groups - 1 ? row - thread + (PtxBench.Threads - 1 - thread) : row;
            return x[from] == y[row] ? null : $"pack {row} is {y[row]:x32}, expected {x[from]:x32}";
        });
    }

    private static void OrZeros(PtxBench bench)
    {
        const int Rows = Blocks * PtxBench.Threads;
        UInt128[] x = Packs(Rows, seed: 2);
        var random = new Random(3);
        int[] inside = [.. Enumerable.Range(0, Rows).Select(_ => random.Next(2))];
        using Tensor source = bench.Place(x), where = bench.Place(inside), copied = bench.Rent<UInt128>(Rows);
        bench.Launch("copy_async_or_zeros", Rows, source, where, copied);
        UInt128[] y = bench.Read<UInt128>(copied, Rows);

        bench.Compare("copy_async_16_or_zeros", "copies of 16 bytes, half of them of nothing", Rows, row =>
        {
            UInt128 expected = inside[row] != 0 ? x[row] : 0;
            return y[row] == expected ? null : $"pack {row} is {y[row]:x32}, expected {expected:x32}";
        });
    }

    private static void Words(PtxBench bench)
    {
        const int Count = Blocks * PtxBench.Threads;
        var x = new int[Count];
        new Random(9).NextBytes(MemoryMarshal.AsBytes(x.AsSpan()));
        using Tensor source = bench.Place(x), copied = bench.Rent<int>(Count);
        bench.Launch("copy_async_words", Count, source, copied);
        int[] y = bench.Read<int>(copied, Count);

        bench.Compare("copy_async_4", "copies of 4 bytes", Count, i =>
        {
            int thread = i % PtxBench.Threads, expected = x[i - thread + (PtxBench.Threads - 1 - thread)];
            return y[i] == expected ? null : $"word {i} is {y[i]:x8}, expected {expected:x8}";
        });
    }

    private static void Stores(PtxBench bench)
    {
        const int Rows = Blocks * PtxBench.Threads;
        UInt128[] x = Packs(Rows, seed: 10);
        using Tensor source = bench.Place(x), stored = bench.Rent<UInt128>(Rows);
        bench.Launch("store_packs", Rows, source, stored);
        UInt128[] y = bench.Read<UInt128>(stored, Rows);

        bench.Compare("store_16", "stores of 16 bytes", Rows, row =>
        {
            int thread = row % PtxBench.Threads, from = row - thread + (PtxBench.Threads - 1 - thread);
            return y[row] == x[from] ? null : $"pack {row} is {y[row]:x32}, expected {x[from]:x32}";
        });
    }

    private static UInt128[] Packs(int count, int seed)
    {
        var packs = new UInt128[count];
        new Random(seed).NextBytes(MemoryMarshal.AsBytes(packs.AsSpan()));
        return packs;
    }
}
