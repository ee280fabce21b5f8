using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace WavLM.Cuda.Extraction;

/// <summary>One line of manifest.jsonl: an utterance that was written, or an input that failed.</summary>
/// <param name="Id">The utterance.</param>
/// <param name="Source">Its file.</param>
public sealed record ManifestRow(string Id, string Source)
{
    // Names of files in any script stay readable; the line is for programs and people, never part of a web page.
    private static readonly JsonWriterOptions Format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Why there are no features; null where there are.</summary>
    public string? Error { get; init; }

    /// <summary>The channel's number; null for the mean of all.</summary>
    public int? Channel { get; init; }

    /// <summary>Samples at 16 kHz.</summary>
    public int Samples { get; init; }

    /// <summary>The recording's own rate.</summary>
    public int SourceRate { get; init; }

    /// <summary>Frames.</summary>
    public int Frames { get; init; }

    /// <summary>Values a frame.</summary>
    public int Width { get; init; }

    /// <summary>The layers, in the file's order.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [];

    /// <summary>The feature file, below the output folder.</summary>
    public string Output { get; init; } = "";

    /// <summary>SHA-256 of the feature file.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>The row as a line of JSON, with its line feed.</summary>
    internal byte[] ToLine(FeatureSettings settings)
    {
        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter json = new(line, Format))
        {
            json.WriteStartObject();
            json.WriteString("id", Id);
            json.WriteString("source", Source);
            if (Error is not null) json.WriteString("error", Error);
            else WriteFeatures(json, settings);
            json.WriteEndObject();
        }
        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }

    private void WriteFeatures(Utf8JsonWriter json, FeatureSettings settings)
    {
        if (Channel is int channel) json.WriteNumber("channel", channel);
        else json.WriteString("channel", "mean");
        json.WriteNumber("samples", Samples);
        json.WriteNumber("source_rate", SourceRate);
        json.WriteNumber("frames", Frames);
        json.WriteNumber("dim", Width);
        json.WriteStartArray("layers");
        foreach (int layer in Layers) json.WriteNumberValue(layer);
        json.WriteEndArray();
        json.WriteString("dtype", "f32");
        json.WriteString("convention", settings.Convention);
        json.WriteStartObject("normalised");
        json.WriteBoolean("decision", settings.Normalised);
        if (settings.NormalisationEpsilon is double epsilon) json.WriteNumber("eps", epsilon);
        else json.WriteNull("eps");
        json.WriteString("source", settings.NormalisationSource);
        json.WriteEndObject();
        if (settings.FinalNorm is bool finalNorm) json.WriteBoolean("final_norm", finalNorm);
        else json.WriteNull("final_norm");
        json.WriteString("precision", settings.Precision.CommandLineName());
        json.WriteString("model", settings.ModelSha256);
        json.WriteString("device_set", settings.DeviceSet);
        json.WriteString("output", Output);
        json.WriteString("sha256", Sha256);
    }
}
