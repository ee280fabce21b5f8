using WavLM.Cuda.Backends;
using WavLM.Cuda.Checkpoints;

namespace WavLM.Cuda.Model;

/// <summary>
/// Reads each tensor into one reused buffer and has the backend convert it once into its final form, so loading peaks at the
/// final weights and one tensor. Everything a checkpoint's weights imply is folded in here: weight norm, the scale of the
/// queries, the summed gate rows, the bias by distance.
/// </summary>
internal sealed class EncoderWeightsLoader(Checkpoint checkpoint, IBackend backend)
{
    private const double Log2E = 1.4426950408889634;   // log2(e): softmax in powers of two
    private const float FrontEndEpsilon = 1e-5f;       // in every implementation and convention, whatever layer_norm_eps is

    private readonly EncoderConfig _config = checkpoint.Config;
    private float[] _buffer = [];
    private float[] _bias = [];
    private float[] _transposed = [];

    public EncoderWeights Load(CancellationToken cancellationToken)
    {
        FirstConvWeights firstConv = FirstConv();
        StridedConvWeights[] stridedConvs = [.. Enumerable.Range(1, _config.ConvLayers.Length - 1).Select(StridedConv)];
        var projection = new FeatureProjectionWeights(
            Norm("feature_projection.layer_norm", _config.ConvWidth, (float)_config.LayerNormEpsilon),
            _config.Projection ? Linear("feature_projection.projection", _config.Width, _config.ConvWidth, ElementType.Float32) : null);
        PositionalConvWeights positions = PositionalConv("encoder.pos_conv_embed.conv");
        NormWeights norm = LayerNorm("encoder.layer_norm");
        RelativeBias? bias = _config.Buckets == 0 ? null : RelativeBiasByDistance("encoder.layers.0.attention.rel_attn_embed.weight");
        var layers = new LayerWeights[_config.Layers];
        for (int i = 0; i < layers.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            layers[i] = Layer($"encoder.layers.{i}");
        }
        return new EncoderWeights(firstConv, stridedConvs, projection, positions, norm, bias, layers);
    }

    private LayerWeights Layer(string prefix) => new(
        Attention($"{prefix}.attention"),
        LayerNorm($"{prefix}.layer_norm"),
        new FeedForwardWeights(
            Linear($"{prefix}.feed_forward.intermediate_dense", _config.FeedForwardWidth, _config.Width, backend.OperandType),
            Linear($"{prefix}.feed_forward.output_dense", _config.Width, _config.FeedForwardWidth, ElementType.Float32)),
        LayerNorm($"{prefix}.final_layer_norm"));

    private AttentionWeights Attention(string prefix)
    {
        int width = _config.Width;
        Span<float> weight = Sized(ref _buffer, checked(3 * width * width)), bias = Sized(ref _bias, 3 * width);
        int part = 0;
        foreach (string name in (ReadOnlySpan<string>)["q_proj", "k_proj", "v_proj"])
        {
            checkpoint.Read($"{prefix}.{name}.weight", weight.Slice(part * width * width, width * width));
            checkpoint.Read($"{prefix}.{name}.bias", bias.Slice(part * width, width));
            part++;
        }
        double scale = Log2E / Math.Sqrt(_config.HeadWidth);
        Scale(weight[..(width * width)], scale);
        Scale(bias[..width], scale);
        LinearWeights queryKeyValue = backend.PackLinear(weight, bias, 3 * width, width, backend.OperandType);
        return new AttentionWeights(queryKeyValue, Linear($"{prefix}.out_proj", width, width, ElementType.Float32), _config.Buckets == 0 ? null : Gate(prefix));
    }

    /// <summary>sigmoid(s0 + .. + s3) and sigmoid(s4 + .. + s7) of s = W u + b need the sums of W's rows alone.</summary>
    private GateWeights Gate(string prefix)
    {
        const int Parts = 2, RowsOfPart = 4;
        int width = _config.HeadWidth;
        ReadOnlySpan<float> weight = Read($"{prefix}.gru_rel_pos_linear.weight", Parts * RowsOfPart * width);
        Span<float> bias = Sized(ref _bias, Parts * RowsOfPart);
        checkpoint.Read($"{prefix}.gru_rel_pos_linear.bias", bias);
        var rows = new float[Parts * width];
        var biases = new float[Parts];
        for (int part = 0; part < Parts; part++)
        {
            for (int row = part * RowsOfPart; row < (part + 1) * RowsOfPart; row++)
            {
                biases[part] += bias[row];
                for (int i = 0; i < width; i++) rows[part * width + i] += weight[row * width + i];
            }
        }
        return new GateWeights(
            backend.Keep(rows, Parts, width),
            backend.Keep(biases, 1, Parts),
            backend.Keep(Read($"{prefix}.gru_rel_pos_const", _config.Heads), 1, _config.Heads));
    }

    private RelativeBias RelativeBiasByDistance(string name)
    {
        ReadOnlySpan<float> table = Read(name, _config.Buckets * _config.Heads);   // [buckets, heads]
        int radius = _config.MaxBucketDistance, distances = 2 * radius + 1;
        var byDistance = new float[_config.Heads * distances];
        for (int distance = -radius; distance <= radius; distance++)
        {
            int bucket = RelativeBuckets.Bucket(distance, _config.Buckets, _config.MaxBucketDistance);
            for (int head = 0; head < _config.Heads; head++)
                byDistance[head * distances + distance + radius] = (float)(table[bucket * _config.Heads + head] * Log2E);
        }
        return new RelativeBias(backend.Keep(byDistance, _config.Heads, distances));
    }

    private FirstConvWeights FirstConv()
    {
        const string Prefix = "feature_extractor.conv_layers.0";
        ConvLayer shape = _config.ConvLayers[0];
        ReadOnlySpan<float> weight = Read($"{Prefix}.conv.weight", shape.Channels * shape.Kernel);   // [channels, 1, kernel]
        var taps = new float[(shape.Kernel + 1) * shape.Channels];
        for (int tap = 0; tap < shape.Kernel; tap++)
        {
            for (int channel = 0; channel < shape.Channels; channel++) taps[tap * shape.Channels + channel] = weight[channel * shape.Kernel + tap];
        }
        if (_config.ConvBias) checkpoint.Read($"{Prefix}.conv.bias", taps.AsSpan(shape.Kernel * shape.Channels));
        NormWeights norm = Norm($"{Prefix}.layer_norm", shape.Channels, FrontEndEpsilon);
        bool group = _config.FrontEndNorm == FrontEndNorm.Group;
        return new FirstConvWeights(shape.Kernel, shape.Stride, backend.Keep(taps, shape.Kernel + 1, shape.Channels), group ? norm : null, group ? null : norm);
    }

    private StridedConvWeights StridedConv(int index)
    {
        string prefix = $"feature_extractor.conv_layers.{index}";
        ConvLayer shape = _config.ConvLayers[index];
        int inputs = _config.ConvLayers[index - 1].Channels;
        ReadOnlySpan<float> weight = Read($"{prefix}.conv.weight", checked(shape.Channels * inputs * shape.Kernel));   // [outputs, inputs, tap]
        Span<float> byTap = Sized(ref _transposed, weight.Length);
        for (int output = 0; output < shape.Channels; output++)
        {
            for (int input = 0; input < inputs; input++)
            {
                for (int tap = 0; tap < shape.Kernel; tap++)
                    byTap[(output * shape.Kernel + tap) * inputs + input] = weight[(output * inputs + input) * shape.Kernel + tap];
            }
        }
        NormWeights? norm = _config.FrontEndNorm == FrontEndNorm.Layer ? Norm($"{prefix}.layer_norm", shape.Channels, FrontEndEpsilon) : null;
        int rowsOfSlot = 1;
        foreach (ConvLayer later in _config.ConvLayers.AsSpan()[(index + 1)..]) rowsOfSlot *= later.Stride;
        ElementType results = StridedConvWeights.TypeOfLevel(_config, index, backend.OperandType);
        return backend.PackStridedConv(byTap, _config.ConvBias ? ReadBias($"{prefix}.conv.bias", shape.Channels) : [], norm, inputs, shape, rowsOfSlot, results);
    }

    /// <summary>Weight norm over dim 2: w[:, :, k] = g[k] v[:, :, k] / ||v[:, :, k]||.</summary>
    private PositionalConvWeights PositionalConv(string prefix)
    {
        int kernel = _config.PositionalKernel, groups = _config.PositionalGroups, width = _config.Width, ofGroup = width / groups;
        ReadOnlySpan<float> v = Read($"{prefix}.parametrizations.weight.original1", checked(width * ofGroup * kernel));   // [width, width / groups, kernel]
        ReadOnlySpan<float> g = ReadBias($"{prefix}.parametrizations.weight.original0", kernel);
        var scales = new double[kernel];
        for (int i = 0; i < v.Length; i++) scales[i % kernel] += (double)v[i] * v[i];
        for (int tap = 0; tap < kernel; tap++) scales[tap] = g[tap] / Math.Sqrt(scales[tap]);

        Span<float> byTap = Sized(ref _transposed, v.Length);   // [group][tap][input][output]
        for (int output = 0; output < width; output++)
        {
            (int group, int column) = (output / ofGroup, output % ofGroup);
            for (int input = 0; input < ofGroup; input++)
            {
                for (int tap = 0; tap < kernel; tap++)
                    byTap[((group * kernel + tap) * ofGroup + input) * ofGroup + column] = (float)(v[(output * ofGroup + input) * kernel + tap] * scales[tap]);
            }
        }
        return backend.PackPositionalConv(byTap, ReadBias($"{prefix}.bias", width), width, groups, kernel);
    }

    private NormWeights LayerNorm(string prefix) => Norm(prefix, _config.Width, (float)_config.LayerNormEpsilon);

    private NormWeights Norm(string prefix, int columns, float epsilon) => new(
        backend.Keep(Read($"{prefix}.weight", columns), 1, columns),
        backend.Keep(Read($"{prefix}.bias", columns), 1, columns),
        epsilon);

    private LinearWeights Linear(string prefix, int outputs, int inputs, ElementType results)
    {
        ReadOnlySpan<float> weight = Read($"{prefix}.weight", checked(outputs * inputs));
        return backend.PackLinear(weight, ReadBias($"{prefix}.bias", outputs), outputs, inputs, results);
    }

    private ReadOnlySpan<float> Read(string name, int count)
    {
        Span<float> values = Sized(ref _buffer, count);
        checkpoint.Read(name, values);
        return values;
    }

    private ReadOnlySpan<float> ReadBias(string name, int count)
    {
        Span<float> values = Sized(ref _bias, count);
        checkpoint.Read(name, values);
        return values;
    }

    private static Span<float> Sized(ref float[] buffer, int count)
    {
        if (buffer.Length < count) buffer = GC.AllocateUninitializedArray<float>(count);
        return buffer.AsSpan(0, count);
    }

    private static void Scale(Span<float> values, double factor)
    {
        foreach (ref float value in values) value = (float)(value * factor);
    }
}
