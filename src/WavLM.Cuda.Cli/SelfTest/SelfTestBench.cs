using WavLM.Cuda.Backends;
using WavLM.Cuda.Model;

namespace WavLM.Cuda.Cli;

/// <summary>A backend with seeded values for it, and the way back to the host.</summary>
internal sealed class SelfTestBench(IBackend backend)
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

    public Tensor Keep(float[] row) => backend.Keep(row, 1, row.Length);

    public NormWeights Norm(int columns, int seed)
    {
        float[] gain = Values(columns, seed);
        for (int i = 0; i < columns; i++) gain[i] = 1 + 0.5f * gain[i];
        return new(Keep(gain), Keep(Values(columns, seed + 1)), Epsilon: 1e-5f);
    }

    public float[] Read(Tensor x)
    {
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
