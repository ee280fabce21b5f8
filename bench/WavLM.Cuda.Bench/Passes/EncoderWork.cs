using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Passes;

/// <summary>What a stage of a pass must do at least.</summary>
/// <param name="Stage">Its name, see <see cref="StageNames"/>.</param>
/// <param name="Flops">Floating-point operations, two a multiplication and addition.</param>
/// <param name="Bytes">Each input and weight read once, each output written once, in the types that the forward pass stores.</param>
/// <param name="Ceiling">Of its arithmetic.</param>
internal sealed record StageWork(string Stage, double Flops, double Bytes, string Ceiling);

/// <summary>The least work of a pass, stage by stage: the formulas of the model, counted over the utterances' own frames.</summary>
internal static class EncoderWork
{
    private const int Single = 4;

    // Element by element, and so never what bounds a stage that also moves its elements.
    private const int FlopsOfNorm = 8, FlopsOfGelu = 25, FlopsOfWaveform = 7;

    public static IReadOnlyList<StageWork> Of(EncoderConfig config, IReadOnlyList<int> samples, Precision precision)
    {
        string products = CeilingOf(precision), others = precision == Precision.Int8 ? CeilingOf(Precision.BFloat16) : products, plain = CeilingOf(Precision.Float32);
        double operand = precision.OperandType().Bytes(), weight = precision.ProductType().Bytes();
        List<StageWork> stages = [];

        double sampleCount = samples.Sum(static count => (double)count);
        stages.Add(new(StageNames.Waveform, FlopsOfWaveform * sampleCount, 2 * Single * sampleCount, plain));

        long[] rows = [.. samples.Select(static count => (long)count)];
        int inputs = 1;
        for (int level = 0; level < config.ConvLayers.Length; level++)
        {
            ConvLayer conv = config.ConvLayers[level];
            double read = rows.Sum(), inputBytes = level == 0 ? Single : StridedConvWeights.OperandsFor(inputs, precision.OperandType()).Bytes();
            rows = [.. rows.Select(count => (count - conv.Kernel) / conv.Stride + 1)];
            double written = rows.Sum(), outputBytes = StridedConvWeights.TypeOfLevel(config, level, precision.OperandType()).Bytes();
            bool normed = config.FrontEndNorm == FrontEndNorm.Layer || level == 0;
            double weights = (double)conv.Channels * conv.Kernel * inputs;
            stages.Add(new(
                StageNames.Conv(level), 2 * weights * written + (FlopsOfGelu + (normed ? FlopsOfNorm : 0)) * conv.Channels * written,
                inputBytes * inputs * read + (inputBytes == Single ? Single : weight) * weights + outputBytes * conv.Channels * written, inputBytes == Single ? plain : products));
            inputs = conv.Channels;
        }

        double frames = rows.Sum(), pairs = rows.Sum(static count => (double)count * count);
        double width = config.Width, layers = config.Layers, inner = config.FeedForwardWidth;
        double linear(double from, double to) => 2 * frames * from * to;
        double ofOperands(double from, double to) => operand * frames * (from + to) + weight * from * to;
        double ofStream(double from) => operand * frames * from + weight * from * width + 2 * Single * frames * width;

        stages.Add(new(StageNames.Projection, FlopsOfNorm * frames * inputs + (config.Projection ? linear(inputs, width) : 0),
            Single * frames * (inputs + width) + (config.Projection ? weight * inputs * width : 0), products));
        stages.Add(new(StageNames.PositionalConv, 2 * frames * width * (width / config.PositionalGroups) * config.PositionalKernel,
            2 * Single * frames * width + operand * width * (width / config.PositionalGroups) * config.PositionalKernel, others));
        // Behind each norm of a post-norm model the stream goes on normed, in float32, and the next products get it rounded.
        double norms = 2 * layers + 1, bytesOfNorm = config.PreNorm ? Single + operand : 2 * Single + (operand == Single ? 0 : operand);
        stages.Add(new(StageNames.Norms, FlopsOfNorm * norms * frames * width, norms * bytesOfNorm * frames * width, plain));
        stages.Add(new(StageNames.QueryKeyValue, layers * linear(width, 3 * width), layers * ofOperands(width, 3 * width), products));
        stages.Add(new(StageNames.Attention, layers * 4 * pairs * width,
            layers * (4 * operand * frames * width + (config.Buckets > 0 ? Single * frames * config.Heads : 0)), others));
        stages.Add(new(StageNames.OutProjection, layers * linear(width, width), layers * ofStream(width), products));
        stages.Add(new(StageNames.FeedForwardUp, layers * (linear(width, inner) + FlopsOfGelu * frames * inner), layers * ofOperands(width, inner), products));
        stages.Add(new(StageNames.FeedForwardDown, layers * linear(inner, width), layers * ofStream(inner), products));
        return stages;
    }

    /// <summary>The ceiling that products in a precision are held against.</summary>
    public static string CeilingOf(Precision precision) => $"gemm {precision.CommandLineName()}";
}
