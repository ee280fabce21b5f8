using System.Text.RegularExpressions;

namespace WavLM.Cuda.Mutants;

/// <summary>A source and, at the same offsets, its code alone: what is no code, or none that can be tried here, is blank.</summary>
internal sealed partial class SourceText
{
    private static readonly string[] NoFunctions = ["if", "for", "foreach", "while", "switch", "catch", "using", "lock", "fixed", "return", "checked", "constexpr"];

    private readonly Lazy<(string Name, int Start, int End)[]> _functions;

    private SourceText(string file, string text, string code)
    {
        (File, Text, Code) = (file, text, code);
        _functions = new(() => [.. FindFunctions()]);
    }

    /// <summary>Below kernels/, or below the repository.</summary>
    public string File { get; }

    public string Text { get; }

    /// <summary>As long as <see cref="Text"/>.</summary>
    public string Code { get; }

    /// <summary>A kernel's source. What stands for PTX on the emulated device alone, and the PTX, are no code: one of the two is never compiled.</summary>
    public static SourceText OfKernel(string file, string text)
    {
        string code = Blank(text, CommentOrString(), keepQuotes: true);
        code = Blank(code, OnCpuAlone());
        code = Blank(code, Preprocessor());
        return new SourceText(file, text, Blank(code, StaticAssert()));
    }

    public static SourceText OfCSharp(string file, string text) => new(file, text, Blank(text, CommentOrString(), keepQuotes: true));

    public int LineOf(int offset) => 1 + Text.AsSpan(0, offset).Count('\n');

    /// <summary>The innermost function around a place; empty outside all.</summary>
    public string FunctionAt(int offset)
    {
        string name = "";
        foreach ((string function, int start, int end) in _functions.Value)
        {
            if (start <= offset && offset < end) name = function;   // an inner one begins later
        }
        return name;
    }

    /// <summary>The place behind the bracket that closes the one at a place.</summary>
    public int Behind(int opening)
    {
        int depth = 0;
        for (int i = opening; i < Code.Length; i++)
        {
            if (Code[i] is '(' or '[' or '{') depth++;
            else if (Code[i] is ')' or ']' or '}' && --depth == 0) return i + 1;
        }
        throw new FormatException($"{File}:{LineOf(opening)}: nothing closes this {Code[opening]}");
    }

    /// <summary>The bracket that a place lies in, going outwards from it; -1 outside all.</summary>
    public int Opening(int inside)
    {
        int depth = 0;
        for (int i = inside - 1; i >= 0; i--)
        {
            if (Code[i] is ')' or ']' or '}') depth++;
            else if (Code[i] is '(' or '[' or '{' && depth-- == 0) return i;
        }
        return -1;
    }

    /// <summary>The word in front of a place, blanks between them left out; empty where there is none.</summary>
    public string WordBefore(int offset)
    {
        int end = offset;
        while (end > 0 && char.IsWhiteSpace(Code[end - 1])) end--;
        int start = end;
        while (start > 0 && (char.IsAsciiLetterOrDigit(Code[start - 1]) || Code[start - 1] == '_')) start--;
        return Code[start..end];
    }

    /// <summary>Where the statement around a place begins.</summary>
    public int StatementAt(int offset)
    {
        int start = offset;
        while (start > 0 && Code[start - 1] is not (';' or '{' or '}')) start--;
        while (start < offset && char.IsWhiteSpace(Code[start])) start++;
        return start;
    }

    private IEnumerable<(string Name, int Start, int End)> FindFunctions()
    {
        for (int brace = Code.IndexOf('{', StringComparison.Ordinal); brace >= 0; brace = Code.IndexOf('{', brace + 1))
        {
            int from = Math.Max(0, brace - 400);
            Match head = FunctionHead().Match(Code[from..brace]);
            if (!head.Success) continue;
            int parameters = Opening(from + head.Groups["close"].Index);
            if (parameters < 0 || Code[parameters] != '(') continue;
            if (Code[parameters - 1] == '>') parameters = Code.LastIndexOf('<', parameters);   // of a generic method
            string name = WordBefore(parameters);
            if (name.Length > 0 && !NoFunctions.Contains(name)) yield return (name, brace, Behind(brace));
        }
    }

    private static string Blank(string text, Regex what, bool keepQuotes = false) => what.Replace(text, match =>
    {
        char[] blank = match.Value.ToCharArray();
        bool quoted = keepQuotes && blank[0] is '"' or '\'';
        for (int i = quoted ? 1 : 0; i < blank.Length - (quoted ? 1 : 0); i++)
        {
            if (blank[i] is not ('\n' or '\r')) blank[i] = ' ';
        }
        return new string(blank);
    });

    [GeneratedRegex("""//[^\n]*|/\*.*?\*/|\"{3}.*?\"{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();

    [GeneratedRegex(@"^[ \t]*#[ \t]*ifdef[ \t]+CUDA_ON_CPU\b.*?^[ \t]*#[ \t]*endif[^\n]*", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex OnCpuAlone();

    [GeneratedRegex(@"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", RegexOptions.Multiline)]
    private static partial Regex Preprocessor();

    [GeneratedRegex(@"\bstatic_assert\s*\([^;]*;")]
    private static partial Regex StaticAssert();

    [GeneratedRegex(@"(?<close>\))\s*(?:const|override|where\b[^{}()]*)?\s*$")]
    private static partial Regex FunctionHead();
}
