using System.Text.Json;

namespace WavLM.Cuda.Checkpoints;

/// <summary>Parses JSON that nobody vouches for.</summary>
internal static class JsonParsing
{
    /// <summary>
    /// The document, each of its names and texts known to be text: the parser leaves bytes that are no UTF-8 and halves of surrogate
    /// pairs to whoever asks for the string, as another exception.
    /// </summary>
    /// <exception cref="JsonException">The bytes are no JSON.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, bool allowDuplicates)
    {
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = allowDuplicates });
            Decode(document.RootElement);
            return document;
        }
        catch (InvalidOperationException e)
        {
            document?.Dispose();
            throw new JsonException("text that is no UTF-8", e);
        }
    }

    // Recursion is bounded: the parser refuses more than 64 levels.
    private static void Decode(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray()) Decode(item);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty entry in element.EnumerateObject())
                {
                    _ = entry.Name;
                    Decode(entry.Value);
                }
                break;
        }
    }
}
