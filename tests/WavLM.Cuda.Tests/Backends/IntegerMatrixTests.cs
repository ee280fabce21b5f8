using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cpu;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Tests.Backends;

/// <summary>Products of 8-bit integers: how rows and weights become integers, and that nothing is lost behind that.</summary>
public sealed unsafe class IntegerMatrixTests
{
    [SkippableFact]
    public void A_row_of_any_length_is_within_half_a_step_of_its_integers_and_its_ends_are_exact()
    {
        CpuInstructions.Require(Precision.Int8);
        for (int count = 1; count <= 100; count++)
        {
            float[] row = Rounding.To(ElementType.BFloat16, Inputs.Normal(count, seed: count));
            for (int i = 0; i < count; i++) row[i] += count % 3 * 100;   // a range far from zero
            row = Rounding.To(ElementType.BFloat16, row);
            (float scale, float least, byte[] integers) = Quantize(row);

            Assert.Equal(row.Min(), least);
            Assert.Equal((row.Max() - row.Min()) / 255, scale);
            for (int i = 0; i < count; i++)
            {
                Assert.InRange(Math.Abs(least + (double)scale * integers[i] - row[i]), 0, 0.5001 * scale);
                if (count > 1 && row[i] == row.Max()) Assert.Equal(255, integers[i]);
                if (row[i] == least) Assert.Equal(0, integers[i]);
            }
        }
    }

    [SkippableTheory]
    [InlineData(0f)]
    [InlineData(-3.5f)]
    [InlineData(3e38f)]
    public void A_row_of_one_value_is_that_value(float value)
    {
        CpuInstructions.Require(Precision.Int8);
        (float scale, float least, byte[] integers) = Quantize(Rounding.To(ElementType.BFloat16, [.. Enumerable.Repeat(value, 40)]));
        Assert.Equal((0f, Rounding.To(ElementType.BFloat16, [value])[0]), (scale, least));
        Assert.All(integers, static integer => Assert.Equal(0, integer));
    }

    [SkippableTheory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_not_finite_reaches_every_output_of_its_row_and_no_other_row(float value)
    {
        CpuInstructions.Require(Precision.Int8);
        const int Rows = 70, Inputs = 48, Outputs = 20;
        foreach (int at in (int[])[0, 17, 33, 47])
        {
            Matrix x = Checks.Inputs.Matrix(Rows, Inputs, seed: 3, ElementType.BFloat16);
            x[66][at] = value;
            Matrix y = Linear(x, Checks.Inputs.Matrix(Outputs, Inputs, seed: 4), new float[Outputs], ElementType.Float32, Epilogue.None, before: null);
            for (int row = 0; row < Rows; row++) Assert.All(y[row].ToArray(), found => Assert.Equal(row != 66, float.IsFinite(found)));
        }
    }

    [Fact]
    public void Weights_are_within_half_a_step_of_their_integers_and_the_largest_is_127()
    {
        const int Outputs = 5, Inner = 33;
        float[] weight = Checks.Inputs.Normal(Outputs * Inner, seed: 5);
        weight.AsSpan(2 * Inner, Inner).Clear();
        var integers = new sbyte[weight.Length];
        float[] scales = new float[Outputs], sums = new float[Outputs];
        IntegerMatrix.Quantize(weight, integers, scales, sums);

        for (int output = 0; output < Outputs; output++)
        {
            sbyte[] row = [.. integers.AsSpan(output * Inner, Inner)];
            Assert.Equal(row.Sum(static integer => integer), sums[output]);
            Assert.Equal(output == 2 ? 0 : 127, row.Max(static integer => Math.Abs((int)integer)));
            for (int i = 0; i < Inner; i++) Assert.InRange(Math.Abs((double)scales[output] * row[i] - weight[output * Inner + i]), 0, 0.5001 * scales[output]);
        }
    }

    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 64, 16, 16 }, { 65, 33, 17 }, { 130, 768, 768 }, { 3, 100, 1024 }, { 70, 40, 1025 }, { 5, 64, 2304 }, { 63, 31, 4100 }, { 129, 4096, 70 },
    };

    [SkippableTheory]
    [MemberData(nameof(Sizes))]
    public void A_linear_map_loses_nothing_that_the_integers_hold(int rows, int inputs, int outputs)
    {
        CpuInstructions.Require(Precision.Int8);
        Matrix x = Checks.Inputs.Matrix(rows, inputs, seed: 6, ElementType.BFloat16), weight = Checks.Inputs.Matrix(outputs, inputs, seed: 7, deviation: 1 / Math.Sqrt(inputs));
        Matrix before = Checks.Inputs.Matrix(rows, outputs, seed: 8);
        float[] bias = Checks.Inputs.Normal(outputs, seed: 9);
        double[] product = Plain.Linear<double>(Dequantized(x), DequantizedWeights(weight), bias);

        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            double[] expected = epilogue switch
            {
                Epilogue.GeluErf => Plain.Gelu(product),
                Epilogue.AddToDestination => [.. product.Select((value, i) => value + before.Values[i])],
                _ => product,
            };
            Agrees(Linear(x, weight, bias, ElementType.Float32, epilogue, before), expected, 2e-6);
            if (epilogue != Epilogue.AddToDestination) Agrees(Linear(x, weight, bias, ElementType.BFloat16, epilogue, before: null), expected, 4e-3);
        }
    }

    [SkippableTheory]
    [InlineData(3, 2, 272, 272, true)]
    [InlineData(2, 2, 512, 512, false)]
    [InlineData(5, 3, 260, 40, true)]
    [InlineData(3, 2, 300, 1100, false)]
    public void A_strided_convolution_loses_nothing_that_the_integers_of_its_windows_hold(int kernel, int stride, int inputs, int outputs, bool normed)
    {
        CpuInstructions.Require(Precision.Int8);
        const int Rows = 70;
        using CpuBackend backend = new(Precision.Int8, threads: 2);
        ConvLayer shape = new(outputs, kernel, stride);
        Matrix x = Checks.Inputs.Matrix((Rows - 1) * stride + kernel, inputs, seed: 10, ElementType.BFloat16), weight = Checks.Inputs.Matrix(outputs, kernel * inputs, seed: 11, deviation: 0.05);
        float[] bias = Checks.Inputs.Normal(outputs, seed: 12), gain = Checks.Inputs.Normal(outputs, seed: 13), shift = Checks.Inputs.Normal(outputs, seed: 14);
        Matrix windows = new(Rows, kernel * inputs, [.. Enumerable.Range(0, Rows).SelectMany(row => x.Values.Skip(row * stride * inputs).Take(kernel * inputs))]);

        double[] expected = Plain.Linear<double>(Dequantized(windows), DequantizedWeights(weight), bias);
        if (normed) Plain.LayerNorm(expected, new Norm(gain, shift, 1e-5f));
        expected = Plain.Gelu(expected);

        NormWeights? norm = normed ? new(backend.Keep(gain, 1, outputs), backend.Keep(shift, 1, outputs), 1e-5f) : null;
        using StridedConvWeights conv = backend.PackStridedConv(weight.Values, bias, norm, inputs, shape, rowsOfSlot: 32, ElementType.Float32);
        using Tensor source = Place(backend, x), y = backend.Rent(Rows, outputs, ElementType.Float32);
        backend.StridedConv(source, conv, y);
        Agrees(Read(y), expected, 5e-6);
    }

    [Fact]
    public void Convolutions_of_few_channels_keep_float32()
    {
        Assert.Equal(ElementType.Float32, StridedConvWeights.OperandsFor(256, Precision.Int8.OperandType()));
        Assert.Equal(ElementType.BFloat16, StridedConvWeights.OperandsFor(257, Precision.Int8.OperandType()));
    }

    private static Matrix Linear(Matrix x, Matrix weight, float[] bias, ElementType results, Epilogue epilogue, Matrix? before)
    {
        using CpuBackend backend = new(Precision.Int8, threads: 2);
        using LinearWeights linear = backend.PackLinear(weight.Values, bias, weight.Rows, weight.Columns, results);
        using Tensor source = Place(backend, x), y = backend.Rent(x.Rows, weight.Rows, results);
        if (before is { } added && results == ElementType.Float32) added.Values.CopyTo(new Span<float>((void*)y.Address, added.Values.Length));
        backend.Linear(source, linear, y, epilogue);
        return Read(y);
    }

    private static Tensor Place(CpuBackend backend, Matrix x)
    {
        Tensor tensor = backend.Rent(x.Rows, x.Columns, ElementType.BFloat16);
        for (int i = 0; i < x.Values.Length; i++) ((ushort*)tensor.Address)[i] = VectorMath.ToBFloat16(x.Values[i]);
        return tensor;
    }

    private static Matrix Read(Tensor y)
    {
        var values = new float[y.Rows * y.Columns];
        for (int i = 0; i < values.Length; i++) values[i] = y.Type == ElementType.Float32 ? ((float*)y.Address)[i] : VectorMath.FromBFloat16(((ushort*)y.Address)[i]);
        return new((int)y.Rows, y.Columns, values);
    }

    private static (float Scale, float Least, byte[] Integers) Quantize(ReadOnlySpan<float> row)
    {
        ushort[] halves = [.. row.ToArray().Select(VectorMath.ToBFloat16)];
        var integers = new byte[row.Length];
        fixed (ushort* x = halves)
        fixed (byte* q = integers)
        {
            (float scale, float least) = IntegerMatrix.Quantize(x, q, row.Length);
            return (scale, least, integers);
        }
    }

    /// <summary>What the rows' integers stand for.</summary>
    private static Matrix Dequantized(Matrix x)
    {
        var values = new float[x.Values.Length];
        for (int row = 0; row < x.Rows; row++)
        {
            (float scale, float least, byte[] integers) = Quantize(x[row]);
            for (int i = 0; i < x.Columns; i++) values[row * x.Columns + i] = (float)(least + (double)scale * integers[i]);
        }
        return x with { Values = values };
    }

    private static Matrix DequantizedWeights(Matrix weight)
    {
        var integers = new sbyte[weight.Values.Length];
        float[] scales = new float[weight.Rows], sums = new float[weight.Rows];
        IntegerMatrix.Quantize(weight.Values, integers, scales, sums);
        return weight with { Values = [.. integers.Select((integer, i) => scales[i / weight.Columns] * integer)] };
    }

    private static void Agrees(Matrix actual, double[] expected, double bound)
    {
        double size = Math.Sqrt(expected.Average(static value => value * value));
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(actual.Values[i] - expected[i]) <= bound * (Math.Abs(expected[i]) + size), $"value {i}: {actual.Values[i]:R}, expected {expected[i]:R}");
    }
}
