using WavLM.Cuda.Backends;
using WavLM.Cuda.Checkpoints;
using WavLM.Cuda.KernelsCheck;

namespace WavLM.Cuda.Tests.KernelsCheck;

public sealed class LeastTimeTests
{
    private const int Minute = 60 * 16_000;

    /// <summary>By hand, for 2,999 frames: 12 layers, each 4 T T 768 operations at 989 TFLOP/s in half precision and at 67 in float32.</summary>
    [Theory]
    [InlineData(nameof(ElementType.Float16), 989e12)]
    [InlineData(nameof(ElementType.BFloat16), 989e12)]
    [InlineData(nameof(ElementType.Float32), 67e12)]
    public void Attention_takes_as_long_as_its_products(string operands, double rate)
        => Assert.Equal(12 * 4.0 * 2999 * 2999 * 768 / rate, Base("gated_attention", Enum.Parse<ElementType>(operands)), 1e-9);

    /// <summary>The other kernel on tensor cores: 128 taps of 48 inputs for each of 768 outputs.</summary>
    [Fact]
    public void A_positional_convolution_takes_as_long_as_its_products()
        => Assert.Equal(2.0 * 2999 * 768 * 48 * 128 / 989e12, Base("positional_conv", ElementType.Float16), 1e-9);

    /// <summary>GELU behind six convolutions (3,000 slots of 32, 16, 8, 4, 2 rows, the last one of 1, to float32) and in 12 layers.</summary>
    [Fact]
    public void Gelu_takes_as_long_as_its_bytes()
        => Assert.Equal((3000.0 * 512 * (62 * 4 + 1 * 6) + 12 * 2999.0 * 3072 * 4) / 3.35e12, Base("gelu", ElementType.Float16), 1e-9);

    /// <summary>By hand: 12 launches, products at 60 % of the tensor cores, for each of 12 T T scores an exponential at 16 a cycle and six instructions of 128.</summary>
    [Fact]
    public void Attention_is_predicted_from_its_products_and_its_exponentials()
    {
        double pairs = 2999.0 * 2999, cycles = 67e12 / 256;   // of all multiprocessors in a second
        double wanted = 12 * (1e-6 + 4 * pairs * 768 / (0.6 * 989e12) + 12 * pairs * (1.0 / 16 + 6.0 / 128) / cycles);
        Assert.Equal(wanted, LeastTimeTable.PredictedSecondsOf(KernelWork.Of(EncoderSizes.Base, ElementType.Float16, Minute).Where(static work => work.Kernel == "gated_attention")), 1e-9);
    }

    [Fact]
    public void What_is_bound_by_memory_is_predicted_from_its_bytes()
        => Assert.Equal(1e-6 + 8.0 * 3000 * 512 / (0.81 * 3.35e12), LeastTimeTable.PredictedSecondsOf(KernelWork.Of(EncoderSizes.Base, ElementType.Float16, Minute).Where(static work => work.Kernel == "compact")), 1e-9);

    private static double Base(string kernel, ElementType operands) => LeastTimeTable.SecondsOf(KernelWork.Of(EncoderSizes.Base, operands, Minute).Where(work => work.Kernel == kernel));
}
