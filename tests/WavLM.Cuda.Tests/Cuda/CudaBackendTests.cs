using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Backends.Cuda.Interop;
using WavLM.Cuda.Backends.Cuda.Runtime;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Cuda;

[Collection(EmulatedDevice.Collection)]
public sealed unsafe class CudaBackendTests
{
    public static TheoryData<int, int, int, int, int> Convolutions => new()
    {
        // rows, inputs, outputs, kernel, stride
        { 300, 33, 48, 3, 2 }, { 1, 64, 64, 3, 2 }, { 257, 64, 33, 2, 2 },          // as published, odd widths
        { 65, 16, 48, 5, 2 }, { 65, 3, 5, 10, 5 }, { 130, 5, 7, 7, 1 }, { 9, 8, 8, 1, 1 },   // more overlap
        { 65, 16, 8, 1, 3 }, { 65, 16, 8, 2, 3 },                                   // gaps
        { 40, 2, 3, 600, 1 },                                                       // three groups of taps
    };

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void A_strided_convolution_of_any_shape_errs_at_most_twice_as_much_as_the_naive_form(int rows, int inputs, int outputs, int kernel, int stride)
    {
        EmulatedDevice.Reset();
        using CudaBackend backend = new(0, KernelCache.None);
        var shape = new ConvLayer(outputs, kernel, stride);
        int more = Math.Max(rows, Errors.FewestRows);
        Matrix x = Inputs.Matrix((more - 1) * stride + kernel, inputs, seed: 11), weight = Inputs.Matrix(outputs, kernel * inputs, seed: 12, deviation: 1 / Math.Sqrt(kernel * inputs));
        float[] bias = Inputs.Normal(outputs, seed: 13);
        using StridedConvWeights conv = backend.PackStridedConv(weight.Values, bias, layerNorm: null, inputs, shape, rowsOfSlot: 1, ElementType.Float32);
        float[] y = Convolved(backend, x.Range(0, (rows - 1) * stride + kernel), conv, rows);
        new Errors("strided_conv", "the emulated device").AtMostTwice(
            "y", new Matrix(rows, outputs, y), Plain.Gelu(Plain.StridedConv<float>(x, more, weight, bias, shape)), Plain.Gelu(Plain.StridedConv<double>(x, more, weight, bias, shape)), ElementType.Float32);
        Assert.Empty(EmulatedDevice.Reports());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    public void A_convolutions_row_has_the_same_bits_at_even_and_odd_places_among_any_number_of_rows(int kernel)
    {
        EmulatedDevice.Reset();
        using CudaBackend backend = new(0, KernelCache.None);
        const int Channels = 64, Rows = 600;
        var shape = new ConvLayer(Channels, kernel, 2);
        Matrix x = Inputs.Matrix((Rows - 1) * 2 + kernel, Channels, seed: 14);
        using StridedConvWeights conv = backend.PackStridedConv(Inputs.Normal(Channels * kernel * Channels, seed: 15), [], layerNorm: null, Channels, shape, rowsOfSlot: 1, ElementType.Float32);
        float[] all = Convolved(backend, x, conv, Rows);
        foreach ((int first, int rows) in (ReadOnlySpan<(int, int)>)[(0, 1), (1, 1), (1, 2), (0, 255), (3, 256), (4, 257), (87, 512)])
            Assert.Equal(all.AsSpan(first * Channels, rows * Channels).ToArray(), Convolved(backend, x.Range(2 * first, (rows - 1) * 2 + kernel), conv, rows));
    }

    // Blocks start in the table's order, and an attention block takes the longer the more keys there are.
    [Theory]
    [InlineData(Precision.Float32, new[] { 2, 0, 2, 64, 2, 128, 2, 192, 1, 0, 1, 64, 1, 128, 3, 0, 0, 0 })]
    [InlineData(Precision.Float16, new[] { 2, 0, 2, 128, 1, 0, 1, 128, 3, 0, 0, 0 })]
    [InlineData(Precision.BFloat16, new[] { 2, 0, 2, 128, 1, 0, 1, 128, 3, 0, 0, 0 })]
    public void Tiles_of_the_longest_utterances_come_first(Precision precision, int[] utterancesAndFirstFrames)
    {
        EmulatedDevice.Reset();
        using CudaBackend backend = new(0, KernelCache.None, precision.OperandType());
        Waveform[] utterances = [.. ((ReadOnlySpan<int>)[3, 130, 200, 64]).ToArray().Select(static frames => new Waveform($"{frames} frames", new float[frames]))];
        using PackedBatch batch = PackedBatch.Create(utterances, Configs.OneSampleAFrame, new WaveformNormalization(Normalize: false, Epsilon: 0, Center: false), backend);
        var places = (DeviceBatch)batch.Places!;
        int[] tiles = new int[2 * places.TileCount];
        fixed (int* to = tiles)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2(to, places.Tiles, (nuint)tiles.Length * sizeof(int), backend.Stream.Handle));
            backend.Stream.Synchronize();
        }
        Assert.Equal(utterancesAndFirstFrames, tiles);
    }

    [Fact]
    public void The_device_set_names_device_versions_and_algorithms()
    {
        EmulatedDevice.Reset();
        using CudaBackend backend = new(0, KernelCache.None);
        using LinearWeights linear = backend.PackLinear(new float[6], [], outputs: 2, inputs: 3, ElementType.Float32);
        Assert.Matches("^cuda .+ sm_80, driver 12\\.8, NVRTC 12\\.8, cuBLASLt 12\\.8\\.0, algorithms [0-9a-f]{8}$", backend.DeviceSet);
    }

    [Fact]
    public void A_tensor_that_does_not_reach_to_the_next_row_tile_is_refused()
    {
        EmulatedDevice.Reset();
        using CudaBackend backend = new(0, KernelCache.None);
        using LinearWeights linear = backend.PackLinear(new float[6], [], outputs: 2, inputs: 3, ElementType.Float32);
        using Tensor kept = backend.Keep(new float[3], 1, 3), y = backend.Rent(1, 2, ElementType.Float32);
        Assert.Contains("x [1, 3] has 12 bytes, and 1,536 are read or written", Assert.Throws<ArgumentException>(() => backend.Linear(kept, linear, y)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_fails_while_it_is_made_leaves_nothing_behind()
    {
        for (int nth = 1; ; nth++)
        {
            EmulatedDevice.Reset();
            long handles = EmulatedDevice.Count("live_handles");
            EmulatedDevice.Fail(EmulatedDevice.Fault.Allocation, nth, forEver: true, (int)CuResult.CUDA_ERROR_OUT_OF_MEMORY);
            try
            {
                using CudaBackend backend = new(0, KernelCache.None);
                using Tensor kept = backend.Keep(new float[3], 1, 3);
                break;
            }
            catch (DeviceMemoryException)
            {
                Assert.Equal(handles, EmulatedDevice.Count("live_handles"));
                Assert.Equal(0, EmulatedDevice.Count("live_allocations"));
            }
        }
    }

    private static float[] Convolved(CudaBackend backend, Matrix x, StridedConvWeights conv, int rows)
    {
        long computed = (rows + backend.RowTile - 1) / backend.RowTile * backend.RowTile;
        using Tensor source = backend.Rent(x.Rows, x.Columns, ElementType.Float32, (computed - 1) * conv.Shape.Stride + conv.Shape.Kernel), y = backend.Rent(rows, conv.Outputs, ElementType.Float32);
        fixed (float* from = x.Values) Driver.ThrowIfFailed(Driver.cuMemcpyHtoDAsync_v2((nuint)source.Address, from, (nuint)x.Values.Length * sizeof(float), backend.Stream.Handle));
        backend.Stream.Synchronize();
        backend.StridedConv(source, conv, y);
        float[] values = new float[rows * conv.Outputs];
        fixed (float* to = values)
        {
            Driver.ThrowIfFailed(Driver.cuMemcpyDtoHAsync_v2(to, (nuint)y.Address, (nuint)values.Length * sizeof(float), backend.Stream.Handle));
            backend.Stream.Synchronize();
        }
        return values;
    }
}
