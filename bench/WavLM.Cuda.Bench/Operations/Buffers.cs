using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Checks;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Bench.Operations;

/// <summary>The memory of one set of an operation's arguments: weights, inputs, and room for results that holds NaN.</summary>
internal sealed class Buffers(BenchDevice device, RandomValues random, long firstPlace) : IDisposable
{
    private const float Epsilon = 1e-5f;

    private readonly List<IDisposable> _owned = [];
    private long _place = firstPlace;

    public BenchDevice Device => device;

    public IBackend Backend => device.Backend;

    /// <summary>Room for results.</summary>
    public Tensor Rent(long rows, int columns, ElementType type, long readableRows = 0)
    {
        Tensor tensor = Own(Backend.Rent(rows, columns, type, readableRows));
        device.Poison(tensor);
        return tensor;
    }

    /// <summary>Random values; behind the rows lies NaN.</summary>
    public RandomTensor Random(long rows, int columns, ElementType type, double deviation = 1, long readableRows = 0)
    {
        RandomTensor filled = new(Rent(rows, columns, type, readableRows), random, TakePlace(rows * columns), deviation);
        device.Fill(filled.Tensor, random, filled.Place, deviation);
        return filled;
    }

    /// <summary>Random values on the host, as a type holds them.</summary>
    public float[] Values(int count, ElementType type = ElementType.Float32, double deviation = 1)
    {
        var values = new float[count];
        random.CopyTo(values, TakePlace(count), type, deviation);
        return values;
    }

    public Matrix Matrix(int rows, int columns, ElementType type = ElementType.Float32, double deviation = 1) => new(rows, columns, Values(rows * columns, type, deviation));

    /// <summary>A norm, on the device and on the host.</summary>
    public (NormWeights Weights, Norm OnHost) Norm(int columns)
    {
        Norm norm = new(Array.ConvertAll(Values(columns, deviation: 0.125), static value => 1 + value), Values(columns, deviation: 0.125), Epsilon);
        return (Own(new NormWeights(Backend.Keep(norm.Gain, 1, columns), Backend.Keep(norm.Bias, 1, columns), Epsilon)), norm);
    }

    /// <summary>A batch for operations that look at samples.</summary>
    public (PackedBatch Batch, float[][] Samples) BatchOfSamples(Workload load)
    {
        const float Offset = 1 / 64f;   // speech rides on one
        float[][] samples = [.. Enumerable.Range(0, load.Utterances).Select(_ => Array.ConvertAll(Values(load.Samples, deviation: 0.125), static value => value + Offset))];
        return (Batch(load.Config, samples), samples);
    }

    /// <summary>A batch for operations that look at frames alone.</summary>
    public PackedBatch BatchOfFrames(Workload load)
    {
        var nobodyLooks = new float[load.Frames];
        return Batch(Configs.OneSampleAFrame, [.. Enumerable.Repeat(nobodyLooks, load.Utterances)]);
    }

    public T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    /// <summary>Some rows of a result.</summary>
    public Matrix Read(Tensor tensor, params long[] rows)
    {
        var read = new Matrix(rows.Length, tensor.Columns);
        for (int i = 0; i < rows.Length; i++) ReadElements(tensor, rows[i] * tensor.Columns, read[i]);
        return read;
    }

    public int[] ReadIndices(Tensor tensor, params long[] rows) => [.. rows.Select(row =>
    {
        int index = 0;
        device.Read(BenchDevice.PartOf(tensor, row, 1), MemoryMarshal.AsBytes(new Span<int>(ref index)));
        return index;
    })];

    /// <summary>Rows at both ends and between: tails and tiles go wrong there.</summary>
    public static long[] Spread(long rows) => [.. new[] { 0, 1, rows / 3, 2 * rows / 3, rows - 1 }.Where(row => row < rows).Distinct()];

    public void Dispose()
    {
        foreach (IDisposable owned in _owned) owned.Dispose();
        _owned.Clear();
    }

    private PackedBatch Batch(EncoderConfig config, float[][] samples) => Own(PackedBatch.Create(
        [.. samples.Select(static (values, i) => new Waveform($"utterance {i}", values))], config, new WaveformNormalization(Normalize: false, Epsilon: 0, Center: false), Backend));

    private void ReadElements(Tensor tensor, long first, Span<float> destination)
    {
        Tensor part = BenchDevice.PartOf(tensor, first, destination.Length);
        if (tensor.Type == ElementType.Float32)
        {
            device.Read(part, MemoryMarshal.AsBytes(destination));
            return;
        }
        var bits = new ushort[destination.Length];
        device.Read(part, MemoryMarshal.AsBytes(bits.AsSpan()));
        for (int i = 0; i < bits.Length; i++) destination[i] = Rounding.FromBits(tensor.Type, bits[i]);
    }

    // Of eight values each, so that copies to the device are aligned.
    private long TakePlace(long count)
    {
        long place = _place;
        _place = (_place + count + 8 * 1009) / 8 * 8 % random.Period;
        return place;
    }
}

/// <summary>A tensor of random values that the host knows.</summary>
internal sealed record RandomTensor(Tensor Tensor, RandomValues Random, long Place, double Deviation)
{
    public Matrix Rows(params long[] rows)
    {
        var values = new Matrix(rows.Length, Tensor.Columns);
        for (int i = 0; i < rows.Length; i++) Random.CopyTo(values[i], Place + rows[i] * Tensor.Columns, Tensor.Type, Deviation);
        return values;
    }

    /// <summary>Some columns of a stretch of rows.</summary>
    public Matrix Columns(long firstRow, int rows, int[] columns)
    {
        float[] period = Random.Of(Tensor.Type, Deviation);
        var values = new Matrix(rows, columns.Length);
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < columns.Length; i++) values[row][i] = period[(Place + (firstRow + row) * Tensor.Columns + columns[i]) % period.Length];
        }
        return values;
    }
}
