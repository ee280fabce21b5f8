using System.Numerics.Tensors;

namespace WavLM.Cuda;

/// <summary>Hidden states of one utterance, for the layers that were asked for.</summary>
public sealed class Features
{
    private readonly float[][] _values;

    /// <summary>Takes the values as they are; they are not copied.</summary>
    /// <param name="id">The utterance.</param>
    /// <param name="width">Values a frame.</param>
    /// <param name="layers">The layers, in the order of <paramref name="values"/>.</param>
    /// <param name="values">For each layer [frames, width].</param>
    /// <exception cref="ArgumentException">The sizes do not fit each other.</exception>
    public Features(string id, int width, IReadOnlyList<int> layers, float[][] values)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (layers.Count == 0 || layers.Count != values.Length)
            throw new ArgumentException($"{id}: {layers.Count} layers and {values.Length} arrays of values, expected one array a layer", nameof(values));
        foreach (float[] layer in values)
        {
            if (layer.Length != values[0].Length || layer.Length % width != 0)
                throw new ArgumentException($"{id}: a layer of {layer.Length} values, expected {values[0].Length}, a multiple of {width}", nameof(values));
        }
        (Id, Width, Layers, _values) = (id, width, layers, values);
    }

    /// <summary>The utterance.</summary>
    public string Id { get; }

    /// <summary>Values a frame.</summary>
    public int Width { get; }

    /// <summary>Frames, one every 20 ms.</summary>
    public int FrameCount => _values[0].Length / Width;

    /// <summary>The layers that are here: Hugging Face's hidden_states indices, ascending.</summary>
    public IReadOnlyList<int> Layers { get; }

    /// <summary>The first layer here that holds a NaN or an infinity, of finite audio for want of range; null when there is none. See <see cref="SpeechEncoder"/>.</summary>
    public int? NonFiniteLayer
    {
        get
        {
            for (int i = 0; i < _values.Length; i++)
            {
                if (!TensorPrimitives.IsFiniteAll<float>(_values[i])) return Layers[i];
            }
            return null;
        }
    }

    /// <summary>The values of one layer, [frames, width].</summary>
    /// <param name="layer">Its number, one of <see cref="Layers"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">It was not asked for.</exception>
    public ReadOnlySpan<float> Layer(int layer)
    {
        for (int i = 0; i < Layers.Count; i++)
        {
            if (Layers[i] == layer) return _values[i];
        }
        throw new ArgumentOutOfRangeException(nameof(layer), layer, $"{Id} holds the layers {string.Join(", ", Layers)}");
    }
}
