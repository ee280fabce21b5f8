using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Checks;

/// <summary>
/// What a body works with: the backend, and matrices to and from its memory. Every tensor starts as NaN, past its last row
/// too, so what an operation leaves out, or should not have read, shows.
/// </summary>
internal sealed class CheckedBackend(CheckedDevice device, IBackend backend, Errors errors)
{
    private static readonly WaveformNormalization AsIs = new(Normalize: false, Epsilon: 0, Center: false);

    public IBackend Backend => backend;

    public Errors Errors => errors;

    public ElementType OperandType => backend.OperandType;

    public ElementType ProductType => backend.ProductType;

    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
    {
        Tensor tensor = backend.Rent(rows, columns, type, readableRows);
        device.Poison(backend, tensor);
        return tensor;
    }

    /// <summary>A tensor of a matrix's values, rounded to <paramref name="type"/>.</summary>
    public Tensor Upload(Matrix values, ElementType type, long readableRows = 0)
    {
        Tensor tensor = Rent(values.Rows, values.Columns, type, readableRows);
        Overwrite(tensor, values);
        return tensor;
    }

    public void Overwrite(Tensor tensor, Matrix values)
    {
        if (tensor.Type == ElementType.Float32) device.Write(backend, MemoryMarshal.AsBytes<float>(values.Values), tensor);
        else device.Write(backend, MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values.Values, value => Rounding.ToBits(tensor.Type, value))), tensor);
    }

    public Matrix Download(Tensor tensor)
    {
        var matrix = new Matrix((int)tensor.Rows, tensor.Columns);
        if (tensor.Type == ElementType.Float32)
        {
            device.Read(backend, tensor, MemoryMarshal.AsBytes(matrix.Values.AsSpan()));
            return matrix;
        }
        var halves = new ushort[matrix.Values.Length];
        device.Read(backend, tensor, MemoryMarshal.AsBytes(halves.AsSpan()));
        return new Matrix(matrix.Rows, matrix.Columns, Array.ConvertAll(halves, bits => Rounding.FromBits(tensor.Type, bits)));
    }

    /// <summary>Holds an operation to the rows of its result: what lies behind them in the tensor is what <see cref="Rent"/> put there.</summary>
    public void NothingIsBehind(string what, Tensor tensor)
    {
        var all = new byte[tensor.Bytes];
        device.Read(backend, tensor, all);
        int end = checked((int)(tensor.Rows * tensor.Columns * tensor.Type.Bytes())), written = all.AsSpan(end).IndexOfAnyExcept(byte.MaxValue);
        if (written >= 0) throw new CheckFailedException($"{what} [{tensor.Rows}, {tensor.Columns}]: something was written {written:N0} bytes behind the last row");
    }

    public int[] DownloadIndices(Tensor tensor)
    {
        var indices = new int[tensor.Rows];
        device.Read(backend, tensor, MemoryMarshal.AsBytes(indices.AsSpan()));
        return indices;
    }

    /// <summary>Weights that stay as they are, one row.</summary>
    public Tensor Keep(float[] row) => backend.Keep(row, 1, row.Length);

    public NormWeights Keep(Norm norm) => new(Keep(norm.Gain), Keep(norm.Bias), norm.Epsilon);

    /// <summary>A batch of utterances with so many frames each, for operations that never look at the samples.</summary>
    public PackedBatch BatchOf(params int[] frames)
        => Pack(Configs.OneSampleAFrame, [.. frames.Select(count => new float[count])]);

    public PackedBatch Pack(EncoderConfig config, params float[][] samples)
        => PackedBatch.Create([.. samples.Select((values, i) => new Waveform($"utterance {i}", values))], config, AsIs, backend);
}
