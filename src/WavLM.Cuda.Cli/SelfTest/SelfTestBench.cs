using System.Runtime.InteropServices;
using WavLM.Cuda.Backends;
using WavLM.Cuda.Backends.Cuda;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>A backend with seeded values for it, and the way back to the host.</summary>
/// <param name="backend">One of the two.</param>
/// <param name="precision">Of the backend under test; the other one has the same values in float32.</param>
internal sealed class SelfTestBench(IBackend backend, Precision precision)
{
    public IBackend Backend => backend;

    /// <summary>Uniform in +-deviation: the same for every backend.</summary>
    public static float[] Values(int count, int seed, float deviation = 1)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++) values[i] = deviation * (2 * random.NextSingle() - 1);
        return values;
    }

    /// <summary>The values as the operands under test hold them.</summary>
    public float[] Rounded(float[] values) => precision switch
    {
        Precision.Float16 => Array.ConvertAll(values, static x => (float)(Half)x),
        Precision.Float32 => values,
        _ => throw new NotSupportedException($"there is no self-test in {precision.CommandLineName()}"),
    };

    /// <summary>Rounded values in a tensor of a matrix product's operands, as <see cref="Place"/> does it.</summary>
    public Tensor PlaceOperands(float[] values, ElementType operands, long rows, long readableRows = 0)
    {
        float[] rounded = Rounded(values);
        if (operands == ElementType.Float32) return Place(rounded, rows, readableRows);
        Tensor placed = backend.Rent(rows, (int)(values.Length / rows), operands, readableRows);
        ((CudaBackend)backend).Stream.CopyToDevice(MemoryMarshal.AsBytes<ushort>(HalfPrecision.Round(rounded, operands)), placed);
        return placed;
    }

    /// <summary>Values in a tensor that reaches to the next whole row tile, as operations want their operands.</summary>
    public Tensor Place(float[] values, long rows, long readableRows = 0)
    {
        int columns = (int)(values.Length / rows);
        using Tensor kept = backend.Keep(values, rows, columns);
        Tensor placed = backend.Rent(rows, columns, ElementType.Float32, readableRows);
        backend.WeightedSum(kept, weight: 1, placed, first: true);
        return placed;
    }

    public Tensor Rent(long rows, int columns) => backend.Rent(rows, columns, ElementType.Float32);

    public Tensor RentOperands(long rows, int columns) => backend.Rent(rows, columns, backend.OperandType);

    public Tensor Keep(float[] row) => backend.Keep(row, 1, row.Length);

    public NormWeights Norm(int columns, int seed)
    {
        float[] gain = Values(columns, seed);
        for (int i = 0; i < columns; i++) gain[i] = 1 + 0.5f * gain[i];
        return new(Keep(gain), Keep(Values(columns, seed + 1)), Epsilon: 1e-5f);
    }

    public float[] Read(Tensor x)
    {
        if (x.Type == ElementType.Float16)
        {
            var halves = new Half[x.Rows * x.Columns];
            Copy(x, halves);
            return Array.ConvertAll(halves, static value => (float)value);
        }
        var values = new float[x.Rows * x.Columns];
        Copy(x, values);
        return values;
    }

    public float[] ReadIndices(Tensor x)
    {
        var indices = new int[x.Rows * x.Columns];
        Copy(x, indices);
        return Array.ConvertAll(indices, index => (float)index);
    }

    /// <summary>Utterances with so many frames each, of samples that ride on an offset.</summary>
    public PackedBatch Pack(EncoderConfig config, WaveformNormalization normalization, params int[] frames) => PackedBatch.Create(
        [.. frames.Select((count, i) => new Waveform($"utterance {i}", Array.ConvertAll(Values(config.ReceptiveField + config.SamplesPerFrame * (count - 1) + 7, seed: 900 + i, deviation: 0.1f), x => x + 0.02f)))],
        config, normalization, backend);

    private void Copy<T>(Tensor x, T[] values)
        where T : unmanaged
    {
        using IHostCopies copies = backend.CopyToHost();
        copies.Add<T>(x, [values]);
        copies.Finish();
    }
}
