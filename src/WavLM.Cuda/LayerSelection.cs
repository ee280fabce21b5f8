using System.Globalization;
using WavLM.Cuda.Model;

namespace WavLM.Cuda;

/// <summary>Which hidden states are wanted: 0 is the transformer's input, N the last layer's output.</summary>
public sealed class LayerSelection
{
    private LayerSelection(IReadOnlyList<int> layers) => Layers = layers;

    /// <summary>The layers, ascending, each once.</summary>
    public IReadOnlyList<int> Layers { get; }

    /// <summary>Reads "last", "all", or numbers and ranges such as "6" or "0,6,9-12".</summary>
    /// <param name="text">As it stands on the command line.</param>
    /// <param name="config">The model whose layers they are.</param>
    /// <exception cref="FormatException">It is none of these, or the model has no such layer.</exception>
    public static LayerSelection Parse(string text, EncoderConfig config)
    {
        if (text == "last") return new([config.Layers]);
        if (text == "all") return new([.. Enumerable.Range(0, config.Layers + 1)]);

        SortedSet<int> layers = [];
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2) throw Malformed(text, part);
            int first = Number(ends[0], text, part), last = Number(ends[^1], text, part);
            if (first > last) throw Malformed(text, part);
            foreach (int end in (ReadOnlySpan<int>)[first, last])
            {
                if (end > config.Layers)
                    throw new FormatException($"layers '{text}': found {end}, expected 0..{config.Layers} (0 is the transformer's input, {config.Layers} this model's last layer)");
            }
            for (int layer = first; layer <= last; layer++) layers.Add(layer);
        }
        return new([.. layers]);
    }

    private static int Number(string digits, string text, string part)
        => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw Malformed(text, part);

    private static FormatException Malformed(string text, string part)
        => new($"layers '{text}': found '{part}', expected last, all, a number or a range, such as 6 or 0,6,9-12");
}
