namespace WavLM.Cuda.Backends.Cpu;

/// <summary>
/// First and second moments of an utterance's windows of k samples, s apart, in float64. The first convolution's channel is
/// linear in the window, so its mean over time is w . mean and its variance w^T (E[x x^T] - mean mean^T) w: GroupNorm's
/// statistics in one sweep of the waveform, and the norm folds into the taps. Only whole windows count.
/// </summary>
internal sealed unsafe class WindowMoments
{
    private readonly int _kernel;
    private readonly double[] _mean;
    private readonly double[] _covariance;

    private WindowMoments(int kernel, double[] mean, double[] covariance)
    {
        _kernel = kernel;
        _mean = mean;
        _covariance = covariance;
    }

    public static WindowMoments Of(float* samples, long count, int kernel, int stride)
    {
        long windows = (count - kernel) / stride + 1;
        var mean = new double[kernel];
        var second = new double[kernel * kernel];
        fixed (double* sums = mean)
        fixed (double* products = second)
        {
            for (long window = 0; window < windows; window++)
            {
                float* x = samples + window * stride;
                for (int a = 0; a < kernel; a++)
                {
                    double xa = x[a];
                    sums[a] += xa;
                    double* row = products + a * kernel;
                    for (int b = 0; b <= a; b++) row[b] += xa * x[b];
                }
            }
        }
        for (int a = 0; a < kernel; a++) mean[a] /= windows;
        for (int a = 0; a < kernel; a++)
        {
            for (int b = 0; b <= a; b++)
            {
                double covariance = second[a * kernel + b] / windows - mean[a] * mean[b];
                second[a * kernel + b] = second[b * kernel + a] = covariance;
            }
        }
        return new WindowMoments(kernel, mean, second);
    }

    /// <summary>Taps [kernel + 1, channels] (the last row is the convolution's bias, which the norm takes out) to normalised ones.</summary>
    public void Fold(float* taps, float* gain, float* bias, float epsilon, int channels, float* folded)
    {
        for (int channel = 0; channel < channels; channel++)
        {
            double mean = 0, variance = 0;
            for (int a = 0; a < _kernel; a++)
            {
                double wa = taps[a * channels + channel], row = 0;
                mean += wa * _mean[a];
                for (int b = 0; b < _kernel; b++) row += _covariance[a * _kernel + b] * taps[b * channels + channel];
                variance += wa * row;
            }
            double scale = gain[channel] / Math.Sqrt(Math.Max(variance, 0) + epsilon);
            for (int tap = 0; tap < _kernel; tap++) folded[tap * channels + channel] = (float)(taps[tap * channels + channel] * scale);
            folded[_kernel * channels + channel] = (float)(bias[channel] - mean * scale);
        }
    }
}
