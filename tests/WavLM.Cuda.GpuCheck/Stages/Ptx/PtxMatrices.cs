using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;

namespace WavLM.Cuda.GpuCheck.Stages.Ptx;

/// <summary>ldmatrix: which values of which rows a lane gets. Random bits in rows that the lanes name in a random order.</summary>
internal static class PtxMatrices
{
    private const int Warps = 64, RowsOfMatrix = 8, Registers = 4;

    public static void Try(PtxBench bench)
    {
        const int Lanes = Warps * PtxBench.Lanes;
        var random = new Random(4);
        var values = new ushort[Lanes * RowsOfMatrix];   // [warp][32 rows][8]
        random.NextBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        int[] places = [.. Enumerable.Range(0, Warps).SelectMany(_ =>
        {
            int[] order = [.. Enumerable.Range(0, PtxBench.Lanes)];
            random.Shuffle(order);
            return order;
        })];
        using Tensor rows = bench.Place(values), named = bench.Place(places);
        using Tensor plain = bench.Rent<uint>(Lanes * Registers), transposed = bench.Rent<uint>(Lanes * Registers);
        bench.Launch("load_matrices", Lanes, rows, named, plain, transposed);
        uint[] found = bench.Read<uint>(plain, Lanes * Registers), foundTransposed = bench.Read<uint>(transposed, Lanes * Registers);

        // Lane l's row l % 8 of matrix l / 8; PTX manual, "ldmatrix".
        ushort Value(int warp, int matrix, int row, int column)
            => values[(warp * PtxBench.Lanes + places[warp * PtxBench.Lanes + matrix * RowsOfMatrix + row]) * RowsOfMatrix + column];

        Compare("load_matrix_x4", found, (warp, matrix, lane) => (Value(warp, matrix, lane / 4, lane % 4 * 2), Value(warp, matrix, lane / 4, lane % 4 * 2 + 1)));
        Compare("load_matrix_x4_transposed", foundTransposed, (warp, matrix, lane) => (Value(warp, matrix, lane % 4 * 2, lane / 4), Value(warp, matrix, lane % 4 * 2 + 1, lane / 4)));

        void Compare(string function, uint[] actual, Func<int, int, int, (ushort Low, ushort High)> expected) => bench.Compare(function, "registers of random bits", actual.Length, i =>
        {
            (int warp, int lane, int matrix) = (i / Registers / PtxBench.Lanes, i / Registers % PtxBench.Lanes, i % Registers);
            (ushort low, ushort high) = expected(warp, matrix, lane);
            uint register = low | (uint)high << 16;
            return actual[i] == register ? null : $"register {matrix} of lane {lane} is {actual[i]:x8}, expected {register:x8}";
        });
    }
}
