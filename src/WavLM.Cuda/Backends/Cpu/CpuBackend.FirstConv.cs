using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    /// <inheritdoc />
    public Tensor FoldGroupNorm(PackedBatch batch, FirstConvWeights conv)
    {
        NormWeights norm = conv.GroupNorm ?? throw new ArgumentException("the convolution has no group norm", nameof(conv));
        int ofUtterance = conv.Kernel + 1, channels = conv.Channels;
        Tensor folded = _pool.Rent((long)batch.Count * ofUtterance, (long)batch.Count * ofUtterance, channels, ElementType.Float32);
        try
        {
            _workers.For(batch.Count, Fold);
            return folded;
        }
        catch
        {
            folded.Dispose();
            throw;
        }

        void Fold(Worker worker, long utterance)
        {
            WindowMoments moments = WindowMoments.Of((float*)batch[(int)utterance].Samples.Address, batch[(int)utterance].Samples.Rows, conv.Kernel, conv.Stride);
            moments.Fold((float*)conv.Taps.Address, (float*)norm.Gain.Address, (float*)norm.Bias.Address, norm.Epsilon, channels, (float*)RowOf(folded, utterance * ofUtterance));
        }
    }

    /// <inheritdoc />
    public void FirstConv(PackedBatch batch, Tensor taps, FirstConvWeights conv, long firstRow, Tensor y)
    {
        RequireShape(y, y.Rows, conv.Channels, nameof(y));
        long rowsOfSlot = RowsOfSlot(batch, conv);
        long rows = Math.Min(y.Rows, batch.Slots * rowsOfSlot - firstRow);   // what the last slot's windows see behind it is garbage too
        int tapsOfUtterance = conv.GroupNorm is null ? 0 : conv.Kernel + 1;
        ForRows(rows, (worker, begin, end) =>
        {
            float* row = (float*)worker.Scratch((nint)conv.Channels * sizeof(float));
            while (begin < end)
            {
                // The stretch of these rows that lies in one utterance's slots, less those past its last whole window.
                int index = batch.UtteranceAt((firstRow + begin) / rowsOfSlot);
                PackedUtterance utterance = batch[index];
                long local = firstRow + begin - utterance.FirstSlot * rowsOfSlot;
                long windows = (utterance.Samples.Rows - conv.Kernel) / conv.Stride + 1;
                long next = Math.Min(end, begin + utterance.Slots * rowsOfSlot - local);
                long computed = Math.Clamp(windows - local, 0, next - begin);
                float* ofUtterance = (float*)RowOf(taps, (long)index * tapsOfUtterance);
                float* samples = (float*)utterance.Samples.Address + local * conv.Stride;
                for (long i = 0; i < computed; i++)
                    FirstConvRow(samples + i * conv.Stride, ofUtterance, conv, row, RowOf(y, begin + i), y.Type);
                begin = next;
            }
        });
    }

    /// <summary>Rows of level 1 that belong to one slot: the strides of all later convolutions multiplied.</summary>
    private static long RowsOfSlot(PackedBatch batch, FirstConvWeights conv) => batch.SamplesPerFrame / conv.Stride;

    private static void FirstConvRow(float* samples, float* taps, FirstConvWeights conv, float* row, void* y, ElementType type)
    {
        int channels = conv.Channels, kernel = conv.Kernel, wide = channels / (4 * VectorMath.Lanes) * (4 * VectorMath.Lanes);
        bool gelu = conv.LayerNorm is null;
        float* destination = type == ElementType.Float32 && gelu ? (float*)y : row;
        int c = 0;
        for (; c < wide; c += 4 * VectorMath.Lanes) FirstConvChannels(samples, taps + c, channels, kernel, gelu, destination + c);
        for (; c < channels; c++)
        {
            float sum = taps[kernel * channels + c];
            for (int tap = 0; tap < kernel; tap++) sum = float.FusedMultiplyAdd(samples[tap], taps[tap * channels + c], sum);
            destination[c] = gelu ? VectorMath.GeluErf(Vector512.Create(sum)).ToScalar() : sum;
        }
        if (conv.LayerNorm is { } norm)
        {
            NormalizeRow(row, (float*)norm.Gain.Address, (float*)norm.Bias.Address, row, channels, norm.Epsilon);
            VectorMath.GeluErf(row, y, channels, type);
        }
        else if (destination != y)
        {
            VectorMath.Convert(row, y, channels, type);
        }
    }

    /// <summary>64 channels: four sums in registers, so each sample is broadcast once for all of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FirstConvChannels(float* samples, float* taps, int channels, int kernel, bool gelu, float* y)
    {
        float* shift = taps + (long)kernel * channels;
        Vector512<float> a = Vector512.Load(shift), b = Vector512.Load(shift + 16), c = Vector512.Load(shift + 32), d = Vector512.Load(shift + 48);
        for (int tap = 0; tap < kernel; tap++, taps += channels)
        {
            Vector512<float> sample = Vector512.Create(samples[tap]);
            a = Vector512.FusedMultiplyAdd(sample, Vector512.Load(taps), a);
            b = Vector512.FusedMultiplyAdd(sample, Vector512.Load(taps + 16), b);
            c = Vector512.FusedMultiplyAdd(sample, Vector512.Load(taps + 32), c);
            d = Vector512.FusedMultiplyAdd(sample, Vector512.Load(taps + 48), d);
        }
        if (gelu)
        {
            a = VectorMath.GeluErf(a);
            b = VectorMath.GeluErf(b);
            c = VectorMath.GeluErf(c);
            d = VectorMath.GeluErf(d);
        }
        a.Store(y);
        b.Store(y + 16);
        c.Store(y + 32);
        d.Store(y + 48);
    }
}
