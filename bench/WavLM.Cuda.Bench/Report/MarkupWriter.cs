using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace WavLM.Cuda.Bench.Report;

/// <summary>
/// HTML and SVG as interpolated strings: what the source says is markup, what stands in a hole is text and is escaped, so that no name
/// from a file can become markup. Numbers in holes are coordinates.
/// </summary>
internal sealed class MarkupWriter
{
    private readonly StringBuilder _markup = new();

    /// <summary>Markup with holes.</summary>
    public void Write([InterpolatedStringHandlerArgument("")] ref Handler markup) => _markup.Append('\n');   // the handler wrote it

    /// <summary>Text of the source, as it is.</summary>
    public void WriteConstant([ConstantExpected] string markup) => _markup.Append(markup).Append('\n');

    public override string ToString() => _markup.ToString();

    /// <summary>Fills the holes.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Handler
    {
        private readonly StringBuilder _markup;

        public Handler(int literalLength, int formattedCount, MarkupWriter writer)
        {
            _ = literalLength + formattedCount;   // the compiler passes them
            _markup = writer._markup;
        }

        public void AppendLiteral(string markup) => _markup.Append(markup);

        public void AppendFormatted(string? text) => _markup.Append(WebUtility.HtmlEncode(Printable(text ?? "")));

        public void AppendFormatted(int number) => _markup.Append(CultureInfo.InvariantCulture, $"{number}");

        // A tenth of a pixel is as much as anyone sees.
        public void AppendFormatted(double coordinate) => _markup.Append(CultureInfo.InvariantCulture, $"{coordinate:0.#}");
    }

    // HTML has no characters for controls, not even escaped.
    private static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;
}
