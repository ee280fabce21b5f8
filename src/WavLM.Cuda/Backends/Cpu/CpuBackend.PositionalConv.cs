using WavLM.Cuda.Model;

namespace WavLM.Cuda.Backends.Cpu;

internal sealed unsafe partial class CpuBackend
{
    // A tile's windows are 16 interleaved sets of rows that do not overlap within a set, so taps go through matmuls 16 at a
    // time. With 8, 16 and 32 rows a set: 201, 223, 245 (float32) and 221, 297, 348 (bfloat16) GFLOP/s on a Zen 5 core, at Base's
    // 48 channels a group. A short utterance takes fewer rows than 32, a long one is cut evenly.
    private const int PositionalTaps = 16;
    private const int MaxPositionalRows = 32;
    private const int PositionalRowStep = 4;

    /// <inheritdoc />
    public PositionalConvWeights PackPositionalConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, int groups, int kernel)
    {
        int ofGroup = channels / groups, paddedKernel = VectorMath.RoundUp(kernel, PositionalTaps);
        Tensor taps = _pool.Rent((long)groups * paddedKernel * ofGroup, (long)groups * paddedKernel * ofGroup, ofGroup, OperandType);
        HostMemoryPool.Clear(taps);   // taps up to a whole number of sixteens are zero
        fixed (float* values = weight)
        {
            for (int group = 0; group < groups; group++)
            {
                int valuesOfGroup = kernel * ofGroup * ofGroup;
                VectorMath.Convert(values + (long)group * valuesOfGroup, RowOf(taps, (long)group * paddedKernel * ofGroup), valuesOfGroup, OperandType);
            }
        }
        return new CpuPositionalConvWeights(channels, groups, kernel, paddedKernel, taps, Keep(bias, 1, channels));
    }

    /// <inheritdoc />
    /// <remarks>
    /// For each group and tile: the window's frames of the group's channels go to scratch with zeros outside the utterance, as
    /// rows of C. Output frame 16 m + p sees rows 16 m + p and on, so block b of 16 taps, phase p, is one matmul: row m starts at
    /// (16 (m + b) + p) C, 16 C long, and the next row begins where it ends.
    /// </remarks>
    public void PositionalConv(PackedBatch batch, Tensor x, PositionalConvWeights conv, Tensor y)
    {
        var weights = (CpuPositionalConvWeights)conv;
        RequireShape(x, batch.Frames, conv.Channels, nameof(x));
        RequireShape(y, batch.Frames, conv.Channels, nameof(y));
        int groups = conv.Groups, ofGroup = conv.Channels / groups, blocks = weights.PaddedKernel / PositionalTaps;
        int elementBytes = OperandType.Bytes();
        Matmul[] matmuls = [.. Enumerable.Range(1, MaxPositionalRows / PositionalRowStep).Select(steps => MatmulOf(PositionalShape(steps * PositionalRowStep, ofGroup)))];
        var tiles = new FrameTiles(batch, PositionalTile);
        _workers.For(tiles.Count * groups, (worker, index) =>
        {
            (PackedUtterance utterance, long frame, int tileFrames) = tiles[index / groups];
            int group = (int)(index % groups), frames = (int)Math.Min(tileFrames, utterance.Frames - frame);
            int windowRows = tileFrames + weights.PaddedKernel, windowBytes = VectorMath.RoundUp(windowRows * ofGroup * elementBytes, 64);
            Matmul matmul = matmuls[tileFrames / (PositionalTaps * PositionalRowStep) - 1];
            byte* window = worker.Scratch(windowBytes + tileFrames * ofGroup * sizeof(float));
            float* sums = (float*)(window + windowBytes);
            FillWindow(x, utterance, frame - conv.Kernel / 2, group * ofGroup, ofGroup, window, windowRows);

            float* bias = (float*)weights.Bias.Address + group * ofGroup;
            for (int row = 0; row < tileFrames; row++) Buffer.MemoryCopy(bias, sums + row * ofGroup, ofGroup * sizeof(float), ofGroup * sizeof(float));
            for (int block = 0; block < blocks; block++)
            {
                nint taps = (nint)RowOf(weights.Taps, ((long)group * weights.PaddedKernel + block * PositionalTaps) * ofGroup);
                for (int phase = 0; phase < PositionalTaps; phase++)
                {
                    nint source = (nint)window + (nint)(block * PositionalTaps + phase) * ofGroup * elementBytes;
                    matmul.Run(worker, source, taps, 0, (nint)(sums + phase * ofGroup));
                }
            }

            VectorMath.GeluErf(sums, sums, frames * ofGroup, ElementType.Float32);
            for (int row = 0; row < frames; row++)
            {
                long at = (utterance.FirstFrame + frame + row) * conv.Channels + group * ofGroup;
                VectorMath.Add((float*)x.Address + at, sums + row * ofGroup, (float*)y.Address + at, ofGroup);
            }
        });
    }

    private static int PositionalTile(long frames)
    {
        const int Step = PositionalTaps * PositionalRowStep, Most = PositionalTaps * MaxPositionalRows;
        long tiles = (frames + Most - 1) / Most;
        return VectorMath.RoundUp((int)((frames + tiles - 1) / tiles), Step);
    }

    private MatmulShape PositionalShape(int rows, int ofGroup) => new(rows, PositionalTaps * ofGroup, ofGroup)
    {
        Operands = OperandType,
        Destination = ElementType.Float32,
        SourceStride = PositionalTaps * ofGroup,
        DestinationStride = PositionalTaps * ofGroup,
        Weights = WeightLayout.Rows,
        WeightStride = ofGroup,
        Accumulate = true,
    };

    /// <summary>Frames first .. first + rows - 1 of some channels as matmul operands; zeros where the utterance has no such frame.</summary>
    private void FillWindow(Tensor x, PackedUtterance utterance, long first, int channel, int channels, byte* window, int rows)
    {
        nint rowBytes = (nint)channels * OperandType.Bytes();
        for (int row = 0; row < rows; row++, window += rowBytes)
        {
            long frame = first + row;
            if (frame < 0 || frame >= utterance.Frames) new Span<byte>(window, (int)rowBytes).Clear();
            else VectorMath.Convert((float*)RowOf(x, utterance.FirstFrame + frame) + channel, window, channels, OperandType);
        }
    }

    private sealed class CpuPositionalConvWeights(int channels, int groups, int kernel, int paddedKernel, Tensor taps, Tensor bias)
        : PositionalConvWeights(channels, groups, kernel)
    {
        /// <summary>Kernel up to a multiple of <see cref="PositionalTaps"/>; the taps behind it are zero.</summary>
        public int PaddedKernel { get; } = paddedKernel;

        /// <summary>[groups x padded kernel x inputs of a group, outputs of a group].</summary>
        public Tensor Taps { get; } = taps;

        public Tensor Bias { get; } = bias;

        public override void Dispose()
        {
            Taps.Dispose();
            Bias.Dispose();
        }
    }
}
