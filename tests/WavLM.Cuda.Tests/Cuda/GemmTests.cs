using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed class GemmTests
{
    /// <summary>Rows, inputs, outputs and the types of operands and results.</summary>
    public static TheoryData<int, int, int, string, string> Products
    {
        get
        {
            TheoryData<int, int, int, string, string> cases = [];
            foreach ((int rows, int inputs, int outputs) in (ReadOnlySpan<(int, int, int)>)[(1, 1, 1), (7, 33, 48), (128, 512, 33), (129, 33, 1), (300, 768, 96)])
            {
                foreach ((ElementType operands, ElementType results) in (ReadOnlySpan<(ElementType, ElementType)>)
                    [(ElementType.Float32, ElementType.Float32), (ElementType.Float16, ElementType.Float32), (ElementType.Float16, ElementType.Float16), (ElementType.BFloat16, ElementType.Float32), (ElementType.BFloat16, ElementType.BFloat16)])
                    cases.Add(rows, inputs, outputs, operands.ToString(), results.ToString());
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void A_product_errs_at_most_twice_as_much_as_the_naive_form(int rows, int inputs, int outputs, string operandType, string resultType)
    {
        (ElementType operands, ElementType results) = (Enum.Parse<ElementType>(operandType), Enum.Parse<ElementType>(resultType));
        using DeviceSession session = new();
        int more = Math.Max(rows, Errors.FewestRows);
        Matrix x = Inputs.Matrix(more, inputs, seed: 1, operands), weight = Inputs.Matrix(outputs, inputs, seed: 2, operands, deviation: 1 / Math.Sqrt(inputs));
        float[] bias = Inputs.Normal(outputs, seed: 3, results);
        float[] y = Product(session, new GemmShape(inputs, outputs) { Operands = operands, Results = results, Bias = true }, x.Range(0, rows), weight, bias);
        new Errors("gemm", "the emulated device").AtMostTwice("y", new Matrix(rows, outputs, y), Plain.Linear<float>(x, weight, bias), Plain.Linear<double>(x, weight, bias), results);
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Fact]
    public void A_product_is_added_to_what_is_there()
    {
        using DeviceSession session = new();
        Matrix x = Inputs.Matrix(5, 16, seed: 1), weight = Inputs.Matrix(3, 16, seed: 2);
        float[] once = Product(session, new GemmShape(16, 3), x, weight, []), added = Product(session, new GemmShape(16, 3), x, weight, [], before: 2);
        Assert.Equal(once.Select(static value => value + 2), added);
    }

    [Theory]
    [InlineData(768, 64, nameof(ElementType.Float32))]
    [InlineData(3072, 32, nameof(ElementType.Float32))]
    [InlineData(33, 48, nameof(ElementType.Float32))]
    [InlineData(768, 64, nameof(ElementType.Float16))]
    [InlineData(33, 48, nameof(ElementType.Float16))]   // rows of 66 bytes
    [InlineData(768, 64, nameof(ElementType.BFloat16))]
    public void A_rows_bits_are_the_same_among_any_number_of_rows(int inputs, int outputs, string type)
    {
        using DeviceSession session = new();
        GemmShape shape = new(inputs, outputs) { Operands = Enum.Parse<ElementType>(type), Results = Enum.Parse<ElementType>(type) };
        Matrix x = Inputs.Matrix(4200, inputs, seed: 4), weight = Inputs.Matrix(outputs, inputs, seed: 5);
        float[] all = Product(session, shape, x, weight, []);
        foreach (int rows in (ReadOnlySpan<int>)[1, 2, 31, 127, 128, 129, 255, 256, 257, 1000])
        {
            float[] few = Product(session, shape, x.Range(0, rows), weight, []);
            Assert.True(SameBits(few, all), $"{rows} rows");
            float[] last = Product(session, shape, x.Range(4200 - rows, rows), weight, []);
            Assert.True(SameBits(last, all.AsSpan((4200 - rows) * outputs)), $"the last {rows} rows");
        }
    }

    // Two controls of the test above: were its comparison blind, they would fail.
    [Fact]
    public void An_algorithm_chosen_by_the_number_of_rows_gives_other_bits()
    {
        using DeviceSession session = new();
        Matrix x = Inputs.Matrix(64, 768, seed: 4), weight = Inputs.Matrix(64, 768, seed: 5);
        float[] pinned = Product(session, new GemmShape(768, 64), x, weight, []);
        float[] chosen = Product(session, new GemmShape(768, 64), x, weight, [], referenceRows: 128);
        Assert.False(SameBits(chosen, pinned));
    }

    [Fact]
    public void A_sum_in_two_parts_gives_other_bits()
    {
        using DeviceSession session = new();
        Matrix x = Inputs.Matrix(64, 768, seed: 4), weight = Inputs.Matrix(64, 768, seed: 5);
        float[] whole = Product(session, new GemmShape(768, 64), x, weight, []);

        using Tensor source = session.Upload(x.Values, 768, GemmShape.RowTile), weights = session.Upload(weight.Values, 768), y = session.Memory.Rent(64, GemmShape.RowTile, 64, ElementType.Float32);
        using Gemms gemms = new(session.Device, session.Memory);
        Gemm half = gemms[new GemmShape(384, 64) { SourceStride = 768, WeightStride = 768 }];
        half.Run(session.Stream, (nuint)source.Address, (nuint)weights.Address, 0, (nuint)y.Address, 64, accumulate: false);
        half.Run(session.Stream, (nuint)source.Address + 384 * sizeof(float), (nuint)weights.Address + 384 * sizeof(float), 0, (nuint)y.Address, 64, accumulate: true);
        Assert.False(SameBits(session.Download(y), whole));
    }

    [Fact]
    public void A_call_allocates_nothing_on_the_managed_heap()
    {
        using DeviceSession session = new();
        using Tensor x = session.Upload(new float[GemmShape.RowTile * 16], 16), w = session.Upload(new float[8 * 16], 16), bias = session.Upload(new float[8], 8), y = session.Memory.Rent(256, 256, 8, ElementType.Float32);
        using Gemms gemms = new(session.Device, session.Memory);
        Gemm gemm = gemms[new GemmShape(16, 8) { Bias = true }];
        Run(10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(100);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        session.Stream.Synchronize();

        void Run(int times)
        {
            for (int i = 0; i < times; i++) gemm.Run(session.Stream, (nuint)x.Address, (nuint)w.Address, (nuint)bias.Address, (nuint)y.Address, i % 2 == 0 ? 100 : 200, accumulate: i > 0);
        }
    }

    [Fact]
    public void A_call_that_fails_names_shape_rows_and_algorithm()
    {
        using DeviceSession session = new();
        using Tensor x = session.Upload(new float[GemmShape.RowTile * 16], 16), w = session.Upload(new float[8 * 16], 16), y = session.Memory.Rent(256, 256, 8, ElementType.Float32);
        using Gemms gemms = new(session.Device, session.Memory);
        Gemm gemm = gemms[new GemmShape(16, 8)];
        EmulatedDevice.Fail(EmulatedDevice.Fault.Matmul, 1, forEver: false, (int)CublasStatus.CUBLAS_STATUS_INVALID_VALUE);
        var refused = Assert.Throws<CudaException>(() => gemm.Run(session.Stream, (nuint)x.Address, (nuint)w.Address, 0, (nuint)y.Address, 100, accumulate: false));
        Assert.Contains($"x[rows, 16] W[8, 16]^T, 100 rows, algorithm {gemm.Algorithm}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_of_rows_that_the_algorithm_refuses_is_an_error_and_never_another_pick()
    {
        using DeviceSession session = new();
        using Tensor x = session.Upload(new float[GemmShape.RowTile * 16], 16), w = session.Upload(new float[8 * 16], 16), y = session.Memory.Rent(256, 256, 8, ElementType.Float32);
        using Gemms gemms = new(session.Device, session.Memory);
        Gemm gemm = gemms[new GemmShape(16, 8)];
        // Less than no rows: the emulated library refuses nothing else that it took before.
        var refused = Assert.Throws<GemmRefusedException>(() => gemm.Run(session.Stream, (nuint)x.Address, (nuint)w.Address, 0, (nuint)y.Address, -100, accumulate: false));
        Assert.Contains($"algorithm {gemm.Algorithm}, chosen for Float32 x[rows, 16] W[8, 16]^T, refuses 0 rows (CUBLAS_STATUS_INVALID_VALUE", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, EmulatedDevice.Count("matmuls"));
        gemm.Run(session.Stream, (nuint)x.Address, (nuint)w.Address, 0, (nuint)y.Address, 100, accumulate: false);
        Assert.Equal(1, EmulatedDevice.Count("matmuls"));
    }

    [Fact]
    public void Weights_of_one_shape_share_an_algorithm_and_the_set_has_a_name()
    {
        using DeviceSession session = new();
        using Gemms gemms = new(session.Device, session.Memory), same = new(session.Device, session.Memory);
        Assert.Same(gemms[new GemmShape(16, 8)], gemms[new GemmShape(16, 8)]);
        string one = gemms.AlgorithmsHash;
        _ = gemms[new GemmShape(8, 16)];
        _ = same[new GemmShape(8, 16)];
        _ = same[new GemmShape(16, 8)];
        Assert.NotEqual(one, gemms.AlgorithmsHash);
        Assert.Equal(gemms.AlgorithmsHash, same.AlgorithmsHash);   // whatever was packed first
        Assert.Equal("12.8.0", Gemms.DottedVersion);
    }

    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(1, 1, 128)]
    [InlineData(1, 129, 256)]
    [InlineData(2, 1, 128)]
    [InlineData(2, 257, 256)]
    [InlineData(8, 256, 32)]
    public void Rows_of_a_call_are_whole_tiles(int batches, long rows, long expected)
        => Assert.Equal(expected, new GemmShape(1, 1) { Batches = batches }.RowsOfProduct(rows));

    private static float[] Product(DeviceSession session, GemmShape shape, Matrix x, Matrix weight, float[] bias, float? before = null, int referenceRows = Gemm.ReferenceRows)
    {
        long computed = shape.RowsOfProduct(x.Rows);
        using Tensor source = session.Upload(x.Values, x.Columns, computed, shape.Operands), weights = session.Upload(weight.Values, weight.Columns, type: shape.Operands), y = session.Memory.Rent(x.Rows, computed, shape.Outputs, shape.Results);
        using Tensor? biases = bias.Length == 0 ? null : session.Upload(bias, bias.Length, type: shape.Results);
        if (before is { } value) Driver.ThrowIfFailed(Driver.cuMemsetD32Async((nuint)y.Address, BitConverter.SingleToUInt32Bits(value), (nuint)(x.Rows * shape.Outputs), session.Stream.Handle));
        using Tensor workspace = session.Memory.Rent(1, 1, 1 << 20, ElementType.Float32);
        using CublasLtHandle library = CublasLtHandle.Create(session.Device.Context);
        using Gemm gemm = new(library, shape, workspace, referenceRows);
        gemm.Run(session.Stream, (nuint)source.Address, (nuint)weights.Address, (nuint)(biases?.Address ?? 0), (nuint)y.Address, x.Rows, accumulate: before is not null);
        return session.Download(y);
    }

    private static bool SameBits(ReadOnlySpan<float> few, ReadOnlySpan<float> all)
    {
        for (int i = 0; i < few.Length; i++)
            if (float.IsNaN(few[i]) || BitConverter.SingleToInt32Bits(few[i]) != BitConverter.SingleToInt32Bits(all[i])) return false;
        return true;
    }
}
