using System.Numerics;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

internal static partial class Plain
{
    /// <summary>x W^T + b, weights [outputs, inputs]; without a bias where it is empty.</summary>
    public static T[] Linear<T>(Matrix x, Matrix weight, float[] bias)
        where T : struct, IBinaryFloatingPointIeee754<T>
        => StridedConv<T>(x, x.Rows, weight, bias, new ConvLayer(weight.Rows, 1, 1));

    /// <summary>W x[s r .. s r + k - 1] + b for the first rows of a convolution's output, weights [outputs, k inputs].</summary>
    public static T[] StridedConv<T>(Matrix x, int rows, Matrix weight, float[] bias, ConvLayer shape)
        where T : struct, IBinaryFloatingPointIeee754<T>
        => StridedConv(Of<T>(x.Values), rows, weight, bias, shape);

    /// <summary>The same of rows that were computed before.</summary>
    public static T[] StridedConv<T>(T[] values, int rows, Matrix weight, float[] bias, ConvLayer shape)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        (T[] weights, T[] biases) = (Of<T>(weight.Values), Of<T>(bias));
        int inputs = weight.Columns / shape.Kernel;
        var y = new T[rows * weight.Rows];
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<T> window = values.AsSpan(row * shape.Stride * inputs, weight.Columns);
            for (int output = 0; output < weight.Rows; output++)
            {
                ReadOnlySpan<T> ofOutput = weights.AsSpan(output * weight.Columns, weight.Columns);
                T sum = T.Zero;
                for (int i = 0; i < window.Length; i++) sum += window[i] * ofOutput[i];
                y[row * weight.Rows + output] = biases.Length == 0 ? sum : sum + biases[output];
            }
        }
        return y;
    }

    /// <summary>The first convolution's sums by window and channel; taps [kernel + 1, channels], the bias last.</summary>
    public static T[] FirstConv<T>(float[] samples, Matrix taps, int stride)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int kernel = taps.Rows - 1, channels = taps.Columns, windows = (samples.Length - kernel) / stride + 1;
        (T[] x, T[] w) = (Of<T>(samples), Of<T>(taps.Values));
        var y = new T[windows * channels];
        for (int window = 0; window < windows; window++)
        {
            Span<T> row = y.AsSpan(window * channels, channels);
            for (int tap = 0; tap < kernel; tap++)
            {
                for (int channel = 0; channel < channels; channel++) row[channel] += x[window * stride + tap] * w[tap * channels + channel];
            }
            for (int channel = 0; channel < channels; channel++) row[channel] += w[kernel * channels + channel];
        }
        return y;
    }

    /// <summary>Mean and sqrt(variance + epsilon) of each channel over the rows.</summary>
    public static (T[] Mean, T[] Deviation) Moments<T>(T[] x, int channels, float epsilon)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        T rows = T.CreateChecked(x.Length / channels);
        (T[] mean, T[] deviation) = (new T[channels], new T[channels]);
        for (int i = 0; i < x.Length; i++) mean[i % channels] += x[i];
        for (int channel = 0; channel < channels; channel++) mean[channel] /= rows;
        for (int i = 0; i < x.Length; i++)
        {
            T centered = x[i] - mean[i % channels];
            deviation[i % channels] += centered * centered;
        }
        for (int channel = 0; channel < channels; channel++) deviation[channel] = T.Sqrt(deviation[channel] / rows + T.CreateTruncating(epsilon));
        return (mean, deviation);
    }

    /// <summary>GroupNorm with one group a channel, over time, in place.</summary>
    public static void GroupNorm<T>(T[] x, Norm norm)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int channels = norm.Gain.Length;
        (T[] mean, T[] deviation) = Moments(x, channels, norm.Epsilon);
        for (int i = 0; i < x.Length; i++)
        {
            int channel = i % channels;
            x[i] = (x[i] - mean[channel]) / deviation[channel] * T.CreateTruncating(norm.Gain[channel]) + T.CreateTruncating(norm.Bias[channel]);
        }
    }

    public static void LayerNorm<T>(T[] x, Norm norm)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        for (int at = 0; at < x.Length; at += norm.Gain.Length) NormalizeRow(x.AsSpan(at, norm.Gain.Length), norm);
    }

    /// <summary>residual + GELU(conv(x) + b) over one utterance's frames, weights [group][tap][input of the group][output of the group].</summary>
    public static T[] PositionalConv<T>(Matrix x, Matrix residual, float[] weight, float[] bias, int groups, int kernel)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        int ofGroup = x.Columns / groups;
        (T[] values, T[] weights, T[] biases, T[] y) = (Of<T>(x.Values), Of<T>(weight), Of<T>(bias), Of<T>(residual.Values));
        Span<T> sums = new T[ofGroup];
        for (int frame = 0; frame < x.Rows; frame++)
        {
            for (int group = 0; group < groups; group++)
            {
                sums.Clear();
                for (int tap = 0; tap < kernel; tap++)
                {
                    int seen = frame - kernel / 2 + tap;
                    if (seen < 0 || seen >= x.Rows) continue;
                    for (int input = 0; input < ofGroup; input++)
                    {
                        T value = values[seen * x.Columns + group * ofGroup + input];
                        ReadOnlySpan<T> row = weights.AsSpan(((group * kernel + tap) * ofGroup + input) * ofGroup, ofGroup);
                        for (int output = 0; output < row.Length; output++) sums[output] += value * row[output];
                    }
                }
                for (int output = 0; output < ofGroup; output++)
                    y[frame * x.Columns + group * ofGroup + output] += Gelu(sums[output] + biases[group * ofGroup + output]);
            }
        }
        return y;
    }
}
